import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Log, Metrics } from '@app/telemetry';
import { DataSource } from 'typeorm';
import { isDatabaseAway, isUndefinedTable } from './sqlstate.js';

/** Backups are hours apart, and alerts wait longer. */
const POLL_MS = 60_000;

/** Tells Prometheus of the last backup that the backup job has noted down. */
@Injectable()
export class Backups implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('Backups');
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly metrics: Metrics,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.timer = setInterval(() => void this.look(), POLL_MS);
    await this.look();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    const sql = `select extract(epoch from finished_at)::float8 as at, bytes::float8 from backups
      order by finished_at desc limit 1`;
    try {
      const [last] = (await this.dataSource.query(sql)) as { at: number; bytes: number }[];
      if (last !== undefined) this.metrics.backedUp(last.at, last.bytes);
    } catch (cause) {
      // The pool says when the database is away, and readiness that the schema is behind.
      if (!isDatabaseAway(cause) && !isUndefinedTable(cause))
        this.log.warn('The last backup could not be read', { cause });
    }
  }
}
