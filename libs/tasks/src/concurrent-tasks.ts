import { Injectable } from '@nestjs/common';
import type { Caller } from '@app/core';
import { RateLimiter } from '@app/rate-limits';
import { DataSource } from 'typeorm';
import { countBusy } from './sql-read.js';

/** Principals whose count is remembered. */
const MAX_REMEMBERED = 10_000;
/** So much of the quota a replica may start before it counts again: with n replicas the overshoot is n × this share. */
const SHARE = 0.1;

interface Count {
  readonly busy: number;
  started: number;
}

/** The quota of tasks at a time. Counted in the database, but not for every task: what is started meanwhile is added. */
@Injectable()
export class ConcurrentTasks {
  private readonly counts = new Map<string, Count>();

  constructor(
    private readonly db: DataSource,
    private readonly limiter: RateLimiter,
  ) {}

  /** One more. @throws RateLimited */
  async admit(caller: Caller): Promise<void> {
    const most = this.limiter.concurrentTasks(caller);
    const known = this.counts.get(caller.id);
    const count = known !== undefined && isRoom(known, most) ? known : await this.count(caller.id);
    if (count.busy + count.started >= most) throw this.limiter.tooManyTasks(caller, most);
    count.started++;
  }

  private async count(principal: string): Promise<Count> {
    const count = { busy: await countBusy(this.db, principal), started: 0 };
    if (this.counts.size >= MAX_REMEMBERED) this.counts.clear();
    this.counts.set(principal, count);
    return count;
  }
}

const isRoom = ({ busy, started }: Count, most: number): boolean =>
  started < Math.max(1, most * SHARE) && busy + started < most;
