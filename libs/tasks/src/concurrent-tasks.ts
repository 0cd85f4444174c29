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
  /** Admitted, and not in the database yet. */
  private readonly storing = new Map<string, number>();
  private readonly counting = new Map<string, Promise<Count>>();

  constructor(
    private readonly db: DataSource,
    private readonly limiter: RateLimiter,
  ) {}

  /** Stores one more. @throws RateLimited */
  async admit<T>(caller: Caller, store: () => Promise<T>): Promise<T> {
    const most = this.limiter.concurrentTasks(caller);
    const known = this.counts.get(caller.id);
    const count = known !== undefined && isRoom(known, most) ? known : await this.recount(caller.id);
    if (count.busy + count.started >= most) throw this.limiter.tooManyTasks(caller, most);
    count.started++;
    this.storing.set(caller.id, (this.storing.get(caller.id) ?? 0) + 1);
    try {
      return await store();
    } finally {
      const left = (this.storing.get(caller.id) ?? 1) - 1;
      if (left > 0) this.storing.set(caller.id, left);
      else this.storing.delete(caller.id);
    }
  }

  /** A burst shares one statement, and one number. */
  private recount(principal: string): Promise<Count> {
    const running = this.counting.get(principal);
    if (running !== undefined) return running;
    const count = this.count(principal).finally(() => this.counting.delete(principal));
    this.counting.set(principal, count);
    return count;
  }

  private async count(principal: string): Promise<Count> {
    // What is being stored at this moment may not be seen yet.
    const started = this.storing.get(principal) ?? 0;
    const count = { busy: await countBusy(this.db, principal), started };
    if (this.counts.size >= MAX_REMEMBERED) this.counts.clear();
    this.counts.set(principal, count);
    return count;
  }
}

const isRoom = ({ busy, started }: Count, most: number): boolean =>
  started < Math.max(1, most * SHARE) && busy + started < most;
