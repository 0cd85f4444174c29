import { Log } from '@app/telemetry';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { RunMeter } from './run-meter.js';
import { countWaiting } from './sql-waiting.js';

/** Of 100,000 waits a count takes tens of milliseconds. */
const COUNT_MS = 10_000;

/** Counts the runs that wait, for the metrics. */
@Injectable()
export class WaitingRuns implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('Workflows');
  private timer: NodeJS.Timeout | undefined;
  private counting: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly db: DataSource,
    private readonly meter: RunMeter,
  ) {}

  onApplicationBootstrap(): void {
    this.count();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.counting;
  }

  private count(): void {
    this.counting = countWaiting(this.db)
      .then((runs) => this.meter.waiting(runs))
      .catch((cause: unknown) => this.log.debug('Waiting runs could not be counted; the next count does', { cause }))
      .finally(() => {
        if (!this.stopped) this.timer = setTimeout(() => this.count(), COUNT_MS);
      });
  }
}
