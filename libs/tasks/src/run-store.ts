import type { Part } from '@app/a2a';
import { type Caller, DomainError } from '@app/core';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ConcurrentTasks } from './concurrent-tasks.js';
import { freshTask, startedRow } from './new-task.js';
import { RunTools } from './run-tools.js';
import { cancelTask, requestCancel } from './sql-change.js';
import { flush, type Flushed, type FlushItem } from './sql-flush.js';
import { insertTasks, type FreshTask, type StartedTask } from './sql-start.js';
import { clearWoken, park, type Parking, wake } from './sql-runs.js';
import { readTask } from './sql-read.js';
import type { NewTask, TaskView } from './task-event.js';
import { TaskOutlet } from './task-outlet.js';
import { TaskPermissions } from './task-permissions.js';
import { snapshotOf, type TaskRow, viewOf } from './task-row.js';
import { TaskRuns } from './task-runs.js';
import { readWhole } from './whole-task.js';

/** What a `TaskRunner` does with rows of tasks: those it owns, and those that are steps of them. */
@Injectable()
export class RunStore {
  constructor(
    private readonly tools: RunTools,
    private readonly runs: TaskRuns,
    private readonly outlet: TaskOutlet,
    private readonly permissions: TaskPermissions,
    private readonly concurrent: ConcurrentTasks,
  ) {}

  /** Who this process is; only what it owns may be written. */
  get executor(): string {
    return this.tools.executor.id;
  }

  /** Nobody can have taken what this process owns. */
  isFresh(): boolean {
    return this.tools.executor.isFresh();
  }

  /**
   * A call to an agent as a step of a run: to be stored with `insert` in the transaction that says so in the run, and begun
   * with `begin` after it, or forgotten with `forget`.
   * @throws DomainError not_found, forbidden, rate_limited
   */
  async newCall(caller: Caller, input: NewTask, parent: string): Promise<FreshTask> {
    await this.permissions.demandCall(caller, input.agent, input.skill);
    const task = freshTask(caller, input, await this.runs.timeoutOf(input.agent));
    return { ...task, parent, executor: this.runs.reserve(input.agent) ?? null };
  }

  /** @throws DomainError not_found (session, context) */
  async insert(manager: EntityManager, task: FreshTask): Promise<StartedTask> {
    const [stored] = await insertTasks(manager, [task]);
    if (stored === undefined) throw new DomainError('not_found', 'No such session or conversation of yours');
    return stored;
  }

  /** Undefined: the idempotency key was used. */
  async tryInsert(manager: Pick<EntityManager, 'query'>, task: FreshTask): Promise<StartedTask | undefined> {
    return (await insertTasks(manager, [task]))[0];
  }

  begin(task: FreshTask, stored: StartedTask): void {
    const row = startedRow(task, stored);
    this.outlet.created(row);
    if (task.executor !== null && task.kind === 'agent') this.runs.begin(row, snapshotOf(row));
  }

  /** What a write stored whose answer got lost. */
  async beginStored(task: FreshTask): Promise<void> {
    const row = await this.read(task.id).catch(() => undefined);
    const isOurs = row !== undefined && row.executor === task.executor && row.epoch === 1;
    if (isOurs) this.begin(task, row);
    else this.forget(task);
  }

  forget(task: FreshTask): void {
    if (task.kind === 'agent') this.runs.unreserve(task.agent, task.executor ?? undefined);
  }

  /** What happened to a run, in the transaction that changes the runner's own rows. Undefined: the run is lost. */
  async write(manager: EntityManager, item: FlushItem): Promise<Flushed | undefined> {
    return (await flush(manager, [item]))[0];
  }

  /** After the commit: followers, counters and the parent hear of it. @param row after the write */
  told(row: TaskRow, item: FlushItem): void {
    const view = viewOf(row, { ...snapshotOf(row, item.rest?.artifacts), state: row.state });
    this.outlet.toldRun(view, item.rest !== null);
  }

  /** Lets go of a run until then; null: until somebody wakes it. False: it was lost, or woken meanwhile and is kept. */
  park(parking: Parking): Promise<boolean> {
    return park(this.tools.db, parking);
  }

  /** Looked at what woke a run. */
  clearWoken(row: Pick<TaskRow, 'id' | 'executor' | 'epoch'>): Promise<TaskRow | undefined> {
    return clearWoken(this.tools.db, row);
  }

  /** Something happened to runs: whoever owns them looks at it, or somebody takes them up. */
  async wake(ids: readonly string[], manager: Pick<EntityManager, 'query'> = this.tools.db): Promise<void> {
    await wake(manager, ids);
  }

  /** After the commit that woke it. */
  announceWake(id: string): void {
    this.outlet.woken(id);
    this.runs.lookForWork();
  }

  /** As one more task of its principal. @throws RateLimited */
  admit<T>(caller: Caller, store: () => Promise<T>): Promise<T> {
    return this.concurrent.admit(caller, store);
  }

  /** @returns whether it was not over yet */
  cancelRun(id: string, principal: string): Promise<boolean> {
    return this.runs.cancelRun(principal, id);
  }

  /** There may be work for this process. */
  lookForWork(): void {
    this.runs.lookForWork();
  }

  read(id: string): Promise<TaskRow | undefined> {
    return readTask(this.tools.db, id);
  }

  async view(id: string): Promise<TaskView | undefined> {
    const whole = await readWhole(this.tools.db, id);
    return whole && viewOf(whole.row, whole.snapshot);
  }

  /** Before the run that they are steps of is written, in the same transaction. */
  async lockSteps(manager: EntityManager, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await manager.query('select 1 from tasks where id = any ($1) order by id for update', [ids]);
  }

  /** Steps that nobody wants any more end in the transaction that says so in the run. */
  async cancelSteps(
    manager: EntityManager,
    ids: readonly string[],
    caller: Pick<Caller, 'id' | 'keyId'>,
  ): Promise<void> {
    for (const id of ids) {
      const row = await cancelTask(manager, id, caller, this.executor);
      if (row === undefined) await requestCancel(manager, id, caller.id);
    }
  }

  /** After the commit. What nobody hears of now, owners find when they look for work next. */
  async canceledSteps(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const row = await this.read(id).catch(() => undefined);
      if (row === undefined) continue;
      if (row.kind === 'agent' && row.state === 'canceled')
        this.runs.canceledByCaller(row, viewOf(row, snapshotOf(row)));
      else this.announceWake(id);
    }
  }

  /** An answer to what a step's agent asked. @throws DomainError */
  async answerStep(caller: Caller, id: string, parts: readonly Part[]): Promise<void> {
    const whole = await readWhole(this.tools.db, id);
    if (whole === undefined) throw new DomainError('not_found', `No task ${id}: it was removed`);
    await this.runs.answer(caller, whole, parts);
  }
}
