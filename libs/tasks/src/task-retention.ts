import { Config } from '@app/config';
import { Log } from '@app/telemetry';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { dropEvents, findUnfolded, keepFolded, oldestKept, removeTasks } from './sql-retention.js';
import { readWhole } from './whole-task.js';

const FIRST_AFTER_MS = 1_000;
const EVERY_MS = 60_000;
/** For so long after its end a task's events can be replayed one by one. */
const EVENTS_KEPT_MS = 3_600_000;
/** Tasks one statement deletes. */
const BATCH = 500;

/** Removes what is old: first the events of tasks, then the tasks. */
@Injectable()
export class TaskRetention implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('Tasks');
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly db: DataSource,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.schedule(FIRST_AFTER_MS);
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private schedule(ms: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.sweep()
        .catch((cause: unknown) => this.log.warn('Old tasks could not be removed', { cause }))
        .finally(() => this.schedule(EVERY_MS));
    }, ms).unref();
  }

  private async sweep(): Promise<void> {
    const { retentionMs, retentionCount } = this.config.tasks;
    const eventsBefore = new Date(Date.now() - EVENTS_KEPT_MS);
    await this.foldAll(eventsBefore);
    await this.untilDone(() => dropEvents(this.db, eventsBefore, BATCH));
    const byNumber = (await oldestKept(this.db, retentionCount))?.getTime() ?? 0;
    const restedBefore = new Date(Math.max(Date.now() - retentionMs, byNumber));
    const removed = await this.untilDone(() => removeTasks(this.db, restedBefore, BATCH));
    if (removed > 0) this.log.info('Old tasks were removed', { tasks: removed });
  }

  private async untilDone(work: () => Promise<number>): Promise<number> {
    let all = 0;
    for (let n = BATCH; n === BATCH && !this.stopped; all += n) n = await work();
    return all;
  }

  private async foldAll(finishedBefore: Date): Promise<void> {
    for (const id of await findUnfolded(this.db, finishedBefore, BATCH)) {
      const whole = this.stopped ? undefined : await readWhole(this.db, id);
      if (whole === undefined) continue;
      const { message = null, history, artifacts } = whole.snapshot;
      await keepFolded(this.db, { id, message, history, artifacts });
    }
  }
}
