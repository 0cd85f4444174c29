import { Injectable } from '@nestjs/common';
import type { Artifact, Part, TaskState } from '@app/a2a';
import { type Caller, DomainError } from '@app/core';
import { type Page, pageOf, startAfter } from '@app/web';
import { DataSource } from 'typeorm';
import { ConcurrentTasks } from './concurrent-tasks.js';
import type { Following } from './feed.js';
import { Feeds } from './feeds.js';
import { cancelTask } from './sql-change.js';
import { listTasks, readTask } from './sql-read.js';
import type { NewTask, TaskEvent, TaskView } from './task-event.js';
import { snapshotOf, type TaskRow, viewOf } from './task-row.js';
import { TaskPermissions } from './task-permissions.js';
import { TaskRuns } from './task-runs.js';
import { TaskStarter } from './task-starter.js';
import { isUuid } from './uuid-v7.js';
import { readWhole, type WholeTask } from './whole-task.js';

export interface TaskQuery {
  readonly agent?: string;
  readonly state?: TaskState;
  readonly session?: string;
  readonly page_size: number;
  readonly page_token?: string;
}

/** Work that agents do for callers. Other people's does not exist. */
@Injectable()
export class TasksService {
  constructor(
    private readonly db: DataSource,
    private readonly starter: TaskStarter,
    private readonly runs: TaskRuns,
    private readonly feeds: Feeds,
    private readonly permissions: TaskPermissions,
    private readonly concurrent: ConcurrentTasks,
  ) {}

  /**
   * Stores the task and lets this replica begin, or whichever has room; returns at once.
   * @throws DomainError not_found (agent, session, context), forbidden, conflict (idempotency), rate_limited (MAX_QUEUE_SIZE)
   */
  async start(caller: Caller, input: NewTask): Promise<TaskView> {
    await this.permissions.demandCall(caller, input.agent, input.skill);
    const started = await this.concurrent.admit(caller, () => this.starter.start(caller, input));
    return typeof started === 'string' ? this.get(caller, started) : viewOf(started, snapshotOf(started));
  }

  /**
   * Adds an answer to a task that waits; one that is being worked on hears it afterwards.
   * @throws DomainError not_found, forbidden, conflict (the task is over)
   */
  async answer(caller: Caller, taskId: string, parts: readonly Part[]): Promise<TaskView> {
    const { row, snapshot } = await this.whole(caller, taskId);
    if (row.kind !== 'agent') return this.answerRun(caller, row, parts);
    await this.permissions.demandCall(caller, row.agent, row.skill ?? undefined);
    const answered = await this.runs.answer(caller, { row, snapshot }, parts);
    return viewOf(answered, { ...snapshot, state: answered.state });
  }

  /** Events after `from`, replayed and then live, up to `result`. An aborted signal ends the iteration, never the task. */
  async *follow(caller: Caller, taskId: string, following: Following): AsyncGenerator<TaskEvent, void, undefined> {
    const row = this.runs.of(taskId)?.row ?? (isUuid(taskId) ? await readTask(this.db, taskId) : undefined);
    if (row?.principal !== caller.id) throw noTask(taskId);
    await this.permissions.demand(caller, 'tasks:read');
    yield* this.feeds.follow(row, following);
  }

  /** Durable and final: false when the task was over already. The agent is told. @throws DomainError not_found */
  async cancel(caller: Caller, taskId: string): Promise<{ canceled: boolean; task: TaskView }> {
    await this.permissions.demand(caller, 'tasks:write');
    const row = isUuid(taskId) ? await cancelTask(this.db, taskId, caller, this.runs.executor) : undefined;
    const task = await this.get(caller, taskId);
    if (row !== undefined) this.runs.canceledByCaller(row, task);
    const isCanceled = row !== undefined || (task.kind !== 'agent' && (await this.runs.cancelRun(caller.id, taskId)));
    return { canceled: isCanceled, task };
  }

  /** @throws DomainError not_found */
  async get(caller: Caller, taskId: string): Promise<TaskView> {
    const { row, snapshot } = await this.whole(caller, taskId);
    return viewOf(row, snapshot);
  }

  /** Newest first, without artifacts and history. */
  async list(caller: Caller, query: TaskQuery): Promise<Page<TaskView>> {
    await this.permissions.demand(caller, 'tasks:read');
    const { agent = null, state = null, session = null, page_size, page_token } = query;
    const before = page_token === undefined ? null : startAfter(page_token);
    if (before !== null && !isUuid(before))
      throw new DomainError('invalid', 'page_token: expected the nextPageToken of an earlier page');
    const filter = { principal: caller.id, agent, state, session, before, limit: page_size + 1 };
    const page = pageOf(await listTasks(this.db, filter), page_size, ({ id }) => id);
    return {
      ...page,
      items: page.items.map((row) => viewOf(briefly(row), snapshotOf(briefly(row)))),
    };
  }

  /** @throws DomainError not_found */
  async artifact(caller: Caller, taskId: string, artifactId: string): Promise<Artifact> {
    const { snapshot } = await this.whole(caller, taskId);
    const found = snapshot.artifacts.find((artifact) => artifact.artifactId === artifactId);
    if (found === undefined) throw new DomainError('not_found', `The task ${taskId} has no artifact ${artifactId}`);
    return found;
  }

  private async answerRun(caller: Caller, row: TaskRow, parts: readonly Part[]): Promise<TaskView> {
    await this.permissions.demand(caller, 'tasks:write');
    const runner = this.runs.runnerOf(row.kind);
    if (runner === undefined)
      throw new DomainError('unavailable', `This replica does not know tasks of kind ${row.kind}`);
    await runner.answer(caller, row, parts);
    return this.get(caller, row.id);
  }

  private async whole(caller: Caller, taskId: string): Promise<WholeTask> {
    const whole = isUuid(taskId) ? await readWhole(this.db, taskId) : undefined;
    if (whole?.row.principal !== caller.id) throw noTask(taskId);
    await this.permissions.demand(caller, 'tasks:read');
    return whole;
  }
}

const briefly = (row: TaskRow): TaskRow => ({ ...row, history: [], inbox: [] });

const noTask = (id: string) => new DomainError('not_found', `task_id: no task ${id} of yours`);
