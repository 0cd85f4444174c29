import { Log } from '@app/telemetry';
import { Authenticator } from '@app/permissions';
import { RunStore } from '@app/tasks';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { RunStarter } from './run-starter.js';
import { nextTick } from './schedule.js';
import { Workflow } from './workflow.entity.js';
import { WorkflowEvents } from './workflow-events.js';

const LOOK_MS = 1_000;
const BATCH = 20;
const CLEAN_EVERY = 600;

/** Begins runs by schedule: one a tick, over all replicas. */
@Injectable()
export class Scheduler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('Workflows');
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;
  private looks = 0;

  constructor(
    private readonly db: DataSource,
    private readonly starter: RunStarter,
    private readonly store: RunStore,
    private readonly authenticator: Authenticator,
    private readonly events: WorkflowEvents,
  ) {}

  onApplicationBootstrap(): void {
    this.schedule();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.looking = this.look()
        .catch((cause: unknown) => this.log.debug('Schedules could not be looked at; the next look does', { cause }))
        .finally(() => this.schedule());
    }, LOOK_MS);
  }

  private async look(): Promise<void> {
    if (this.looks++ % CLEAN_EVERY === 0) await this.events.removeOld();
    const begun = await this.db.transaction((manager) => this.beginDue(manager));
    if (begun > 0) this.store.lookForWork();
  }

  /** The row lock makes a tick one replica's; the run and the next tick are stored together. */
  private async beginDue(manager: EntityManager): Promise<number> {
    const due = await manager
      .createQueryBuilder(Workflow, 'w')
      .where(`w.next_at <= now() and w.status = 'active' and not w.paused`)
      .orderBy('w.next_at')
      .limit(BATCH)
      .setLock('pessimistic_write')
      .setOnLocked('skip_locked')
      .getMany();
    for (const workflow of due) await this.begin(manager, workflow);
    return due.length;
  }

  private async begin(manager: EntityManager, workflow: Workflow): Promise<void> {
    const { id, name, definition, nextAt, credential } = workflow;
    const tick = nextAt ?? new Date();
    // Ticks that were missed while nobody was here are one. A schedule of `after` goes on when the run is over.
    const next =
      definition.schedule?.after === undefined
        ? nextTick(definition, new Date(Math.max(tick.getTime(), Date.now())))
        : null;
    await manager.query('update workflows set next_at = $2 where id = $1', [id, next]);
    try {
      const caller = await this.authenticator.recall(credential, '');
      const run = this.starter.make(caller, workflow, { scheduledFor: tick.toISOString() }, { here: false });
      await this.starter.insert(manager, run);
    } catch (cause) {
      this.log.warn('A scheduled run could not begin: whoever made the workflow may not any more', {
        workflow: name,
        cause,
      });
    }
  }
}
