import { type Caller, DomainError } from '@app/core';
import { Log } from '@app/telemetry';
import { Permissions } from '@app/permissions';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { RunTools } from './run-tools.js';
import { tickAfter } from './schedule.js';
import { removePatterns, removeRuns } from './sql-removal.js';
import { Workflow } from './workflow.entity.js';

const LOOK_MS = 1_000;
const BATCH = 20;
/** Looks between two removals of what is old, and before the first. */
const CLEAN_EVERY = 600;
const FIRST_CLEAN = 3;

/** Begins runs by schedule: one a tick, over all replicas. */
@Injectable()
export class Scheduler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('Workflows');
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;
  private looks = 0;

  constructor(
    private readonly tools: RunTools,
    private readonly permissions: Permissions,
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
    const { db, store } = this.tools;
    if (this.looks++ % CLEAN_EVERY === FIRST_CLEAN) await this.clean();
    const begun = await db.transaction((manager) => this.beginDue(manager));
    if (begun > 0) store.lookForWork();
  }

  private async clean(): Promise<void> {
    await this.tools.events.removeOld();
    const runs = await removeRuns(this.tools.db);
    if (runs > 0) this.log.info('What was left of removed runs was removed', { runs });
    await removePatterns(this.tools.db);
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
    const { id, name, definition, nextAt } = workflow;
    const { starter, meter } = this.tools;
    const tick = nextAt ?? new Date();
    const caller = await this.ownerOf(workflow);
    // Ticks that were missed while nobody was here are one. A schedule of `after` goes on when the run is over.
    const waits = definition.schedule?.after !== undefined && caller !== undefined;
    const next = waits ? null : tickAfter(definition, tick, new Date());
    await manager.query('update workflows set next_at = $2 where id = $1', [id, next]);
    if (caller === undefined) {
      meter.refused();
      return;
    }
    const scheduledFor = tick.toISOString();
    const idempotency = { key: `schedule/${id}/${scheduledFor}`, hash: '' };
    const options = { here: false, scheduledFor: tick, idempotency };
    const isNew = await starter.insert(manager, starter.make(caller, workflow, { scheduledFor }, options));
    if (isNew) meter.started();
    else this.log.warn('A scheduled run had begun already', { workflow: name, scheduledFor });
  }

  /** Whose rights the run has. Undefined: they may not run it any more. */
  private async ownerOf({ name, tags, credential }: Workflow): Promise<Caller | undefined> {
    try {
      const caller = await this.tools.callers.callerOf({ credential, address: null });
      await this.permissions.demand(caller, 'tasks:write', { what: 'tasks' });
      await this.tools.directory.demandRun(caller, { name, tags });
      return caller;
    } catch (cause) {
      if (!(cause instanceof DomainError) || cause.code === 'unavailable') throw cause;
      this.log.warn('A scheduled run could not begin: whoever made the workflow may not any more', {
        workflow: name,
        cause,
      });
      return undefined;
    }
  }
}
