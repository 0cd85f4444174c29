import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '@app/config';
import { isDatabaseAway } from '@app/database';
import { Log } from '@app/telemetry';
import { DataSource } from 'typeorm';
import { deleteExpired } from './sql-sessions.js';

const SWEEP_EVERY_MS = 60_000;
/** Deleted by one statement, so that none of them holds its locks for long. */
const BATCH = 500;

/** Deletes sessions that nobody used for their whole time, closed ones included. Their hot copies end by themselves. */
@Injectable()
export class SessionExpiry implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('sessions');
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly dataSource: DataSource,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    void this.sweep();
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async sweep(): Promise<void> {
    try {
      const expired = await this.deleteAll();
      if (expired > 0) this.log.info('Sessions expired', { sessions: expired });
    } catch (error) {
      // While the database is away the pool says so.
      if (!this.stopped && !isDatabaseAway(error)) this.log.error('Sessions could not be swept', { cause: error });
    }
    if (!this.stopped) this.timer = setTimeout(() => void this.sweep(), SWEEP_EVERY_MS);
  }

  private async deleteAll(): Promise<number> {
    for (let total = 0; ; total += BATCH) {
      const ids = await deleteExpired(this.dataSource.manager, this.config.sessions.ttlMs, BATCH);
      if (ids.length < BATCH || this.stopped) return total + ids.length;
    }
  }
}
