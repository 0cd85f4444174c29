import { createHash } from 'node:crypto';
import { type Caller, DomainError, type Trace } from '@app/core';
import { Permissions } from '@app/permissions';
import { RunStore, TasksService } from '@app/tasks';
import { type Page, pageOf } from '@app/web';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Activation, Frame } from './frame.js';
import { firstFrame, type RunOptions, RunStarter } from './run-starter.js';
import { phaseOf, RunReader, type RunRow } from './run-reader.js';
import type { RunQuery } from './runs.schemas.js';
import { idAfter } from './id-after.js';
import { RunMeter } from './run-meter.js';
import { resourceOf, WorkflowDirectory } from './workflow-directory.js';
import type { Workflow } from './workflow.entity.js';

/** What a run is begun with beside its input. */
export interface StartOptions {
  readonly version?: string;
  readonly sessionId?: string;
  readonly idempotencyKey?: string;
  readonly trace?: Trace;
}

/** Runs of workflows: the caller's own, as tasks are. */
@Injectable()
export class RunsService {
  constructor(
    private readonly db: DataSource,
    private readonly starter: RunStarter,
    private readonly store: RunStore,
    private readonly directory: WorkflowDirectory,
    private readonly reader: RunReader,
    private readonly tasks: TasksService,
    private readonly permissions: Permissions,
    private readonly meter: RunMeter,
  ) {}

  /**
   * Stores the run; whoever has room works on it.
   * @returns its id: that of its task
   * @throws DomainError not_found, forbidden, conflict, invalid (input), rate_limited
   */
  async start(caller: Caller, name: string, input: unknown, options: StartOptions = {}): Promise<string> {
    await this.permissions.demand(caller, 'tasks:write', { what: 'tasks' });
    const workflow = await this.directory.toRun(caller, name, options.version ?? 'latest', input);
    const { sessionId: session, trace, idempotencyKey } = options;
    const idempotency = idempotencyKey === undefined ? undefined : keyFor(name, idempotencyKey, input);
    return this.admit(caller, workflow, input, { session, trace, idempotency });
  }

  /** @throws DomainError not_found */
  async get(caller: Caller, id: string): Promise<RunRow> {
    const row = await this.reader.find(id);
    if (row === undefined || !(await this.mayRead(caller, row))) throw noRun(id);
    return row;
  }

  /** Of a run that its reader may read: it is not over, and nothing new is begun. */
  async isPaused(id: string): Promise<boolean> {
    const row = await this.reader.find(id);
    return row !== undefined && phaseOf(row) === 'suspended';
  }

  /** Newest first: the caller's own, and those of others for who may change the workflow. @throws DomainError not_found */
  async list(caller: Caller, workflow: string, { phase, page_size, page_token }: RunQuery): Promise<Page<RunRow>> {
    const access = await this.permissions.accessOf(caller);
    const known = await this.directory.seen(caller, workflow);
    const mayAll = access.allows('workflows:write', resourceOf(known));
    const before = page_token === undefined ? null : idAfter(page_token);
    const filter = {
      workflow,
      principal: mayAll ? null : caller.id,
      phase: phase ?? null,
      before,
      limit: page_size + 1,
    };
    return pageOf(await this.reader.list(filter), page_size, ({ id }) => id);
  }

  /** Its completed tasks are undone, then it is over. @returns false when it was over already */
  async cancel(caller: Caller, id: string): Promise<boolean> {
    const row = await this.demandChange(caller, id);
    if (row.principal === caller.id) return (await this.tasks.cancel(caller, id)).canceled;
    return this.store.cancelRun(id, row.principal);
  }

  /** What is under way ends; nothing new is begun. @throws DomainError not_found, conflict (over) */
  async pause(caller: Caller, id: string, paused: boolean): Promise<RunRow> {
    const row = await this.demandChange(caller, id);
    if (row.finished_at !== null) throw new DomainError('conflict', `The run ${id} is over`);
    await this.db.transaction(async (manager) => {
      // In the order in which its owner locks them: the task, then the run.
      await this.store.wake([id], manager);
      await manager.query(
        'update workflow_runs set paused_at = case when $2 then coalesce(paused_at, now()) end where run_id = $1',
        [id, paused],
      );
    });
    this.store.announceWake(id);
    return this.get(caller, id);
  }

  /** A new run that goes on where this one failed: completed tasks are not done again. @throws DomainError not_found, conflict */
  async retry(caller: Caller, id: string): Promise<string> {
    const row = await this.demandChange(caller, id);
    if (row.state !== 'failed')
      throw new DomainError('conflict', `The run ${id} has not failed; only those that did can be retried`);
    if (row.undone)
      throw new DomainError('conflict', `What the run ${id} did was undone; start it again, or with rerun?from=`);
    const now = new Date();
    const frames = (await this.reader.frames(id)).map((frame) => asReady(frame, now));
    return this.again(caller, row, frames, row.context);
  }

  /** A new run of the same version that begins at a task that this one had begun, with what it had then. @throws DomainError */
  async rerun(caller: Caller, id: string, from: string): Promise<string> {
    const row = await this.demandChange(caller, id);
    const begun = await this.reader.begun(id, from);
    if (begun === undefined) throw new DomainError('not_found', `from: the run ${id} has not begun ${from}`);
    if ('omitted' in begun)
      throw new DomainError('conflict', `from: what ${from} was given is too large to be kept; begin at another task`);
    const first = firstFrame(row.definition, row.input);
    const [level] = first.stack;
    if (level === undefined) throw noRun(id);
    // The count tells that the workflow itself has begun.
    const frame = { ...first, stack: [{ ...level, index: Number(from.split('/')[2]) }], data: begun.raw, count: 1 };
    return this.again(caller, row, [frame], begun.context);
  }

  private async again(caller: Caller, row: RunRow, frames: readonly Frame[], context: unknown): Promise<string> {
    const { name, workflow_id, definition, input } = row;
    await this.directory.demandRun(caller, { name, tags: row.tags });
    const workflow = { id: workflow_id, name, definition };
    return this.admit(caller, workflow, input, { from: { frames, context, continues: row.id } });
  }

  private async admit(
    caller: Caller,
    workflow: Pick<Workflow, 'id' | 'name' | 'definition'>,
    input: unknown,
    options: RunOptions,
  ): Promise<string> {
    const run = this.starter.make(caller, workflow, input, { ...options, here: false });
    const isNew = await this.store.admit(caller, () =>
      this.db.transaction((manager) => this.starter.insert(manager, run)),
    );
    if (!isNew) return this.earlier(caller, workflow.name, run.task.idempotency, run.task.hash);
    this.meter.started();
    this.store.lookForWork();
    return run.task.id;
  }

  private async earlier(caller: Caller, name: string, key: string | null, hash: string | null): Promise<string> {
    const known = key === null ? undefined : await this.reader.byKey(caller.id, key);
    if (known === undefined) throw new DomainError('not_found', 'session_id: no open session of yours');
    if (known.input_hash === hash) return known.id;
    throw new DomainError('conflict', `idempotency key: it was used for ${name} with another input`);
  }

  private async mayRead(caller: Caller, { principal, name, tags }: RunRow): Promise<boolean> {
    const access = await this.permissions.accessOf(caller);
    return principal === caller.id || access.allows('workflows:write', { workflow: name, tags });
  }

  private async demandChange(caller: Caller, id: string): Promise<RunRow> {
    const row = await this.get(caller, id);
    await this.permissions.demand(caller, 'tasks:write', { what: 'tasks' });
    return row;
  }
}

const noRun = (id: string) => new DomainError('not_found', `No run ${id} of yours`);

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('base64url');

function keyFor(name: string, key: string, input: unknown): { key: string; hash: string } {
  if (key.length === 0 || key.length > 200)
    throw new DomainError('invalid', 'idempotency key: expected 1 to 200 characters');
  return { key: digest(['workflow', name, key]), hash: digest(input ?? null) };
}

/** A thread that does again what was under way when its run failed. What it had branched into, it branches into again. */
function asReady(frame: Frame, now: Date): Frame {
  const { leaf, end } = frame;
  if (end !== undefined) return frame;
  const stack = frame.stack.map((level) => withTimeAnew(level, now));
  if (leaf === undefined) return { ...frame, stack };
  if (['fork', 'wait', 'retry'].includes(leaf.effect.kind)) return { ...frame, stack, leaf: withTimeAnew(leaf, now) };
  return { ...frame, stack, leaf: undefined, data: leaf.raw };
}

/** A time-out counts from when its task is begun, or gone on with. */
function withTimeAnew<T extends Activation>(one: T, now: Date): T {
  const { deadline, startedAt } = one;
  if (deadline === undefined) return one;
  return { ...one, deadline: new Date(now.getTime() + Date.parse(deadline) - Date.parse(startedAt)).toISOString() };
}
