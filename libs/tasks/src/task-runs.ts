import { setTimeout as sleep } from 'node:timers/promises';
import type { Part, TaskSnapshot } from '@app/a2a';
import { type Caller, DomainError, type Trace } from '@app/core';
import { Work, type Worker } from '@app/durable';
import { Log } from '@app/telemetry';
import {
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { Capacity } from './capacity.js';
import { RunTools } from './run-tools.js';
import { messageOf } from './new-task.js';
import { addAnswer, requestCancel, settleCancel } from './sql-change.js';
import { readTask } from './sql-read.js';
import type { TaskEvent, TaskView } from './task-event.js';
import type { TaskRunner } from './task-runners.js';
import { TaskOutlet } from './task-outlet.js';
import { type RunContext, TaskRun } from './task-run.js';
import { snapshotOf, type TaskRow } from './task-row.js';
import { beginSpan, endSpan, traced } from './task-span.js';
import { readWhole, type WholeTask } from './whole-task.js';

/** How long a stopping process waits for agents that have not given a sign of life, and for what steps of runs call. */
const DRAIN_MS = 15_000;
const DRAIN_POLL_MS = 50;
/** How often an agent out of reach is told that its task is canceled: for about two minutes. */
const MAX_CANCELS = 6;
const FIRST_CANCEL_MS = 1_000;

/** The tasks this process works on. */
@Injectable()
export class TaskRuns implements Worker<TaskRow>, OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private readonly log = new Log('Tasks');
  private readonly runs = new Map<string, TaskRun>();
  /** Tasks whose agents are being told that they are canceled. */
  private readonly canceling = new Map<string, Promise<void>>();
  private stopping = false;
  private readonly forget: (() => void)[];

  constructor(
    private readonly tools: RunTools,
    private readonly capacity: Capacity,
    private readonly work: Work,
    private readonly outlet: TaskOutlet,
  ) {
    this.forget = [
      tools.executor.onLost(() => this.dropAll()),
      outlet.onCanceled((id) => this.canceled(id)),
      outlet.onWoken((id) => this.woken(id)),
    ];
  }

  onApplicationBootstrap(): void {
    this.work.begin(this);
  }

  /** Nothing new is taken up; what others can go on with is theirs at once, the rest has until the end of the grace. */
  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    await this.work.end();
    const others = this.tools.runners.all();
    let stopped = 0;
    await Promise.all([
      ...others.map((runner) => runner.stop(DRAIN_MS).finally(() => stopped++)),
      // What they write may still begin a call to an agent.
      this.drain(() => stopped === others.length),
    ]);
    await Promise.race([Promise.allSettled(this.canceling.values()), sleep(DRAIN_POLL_MS)]);
  }

  onApplicationShutdown(): void {
    for (const forget of this.forget) forget();
    this.dropAll();
    this.tools.writer.close();
  }

  /** @throws DomainError not_found */
  async timeoutOf(agent: string): Promise<number> {
    if ((await this.capacity.agent(agent)) === undefined)
      throw new DomainError('not_found', `No agent ${agent}, or it is disabled`);
    return this.capacity.timeoutMs;
  }

  /** Reserves room for a task that is about to be stored; undefined when it must wait for some. @returns its owner */
  reserve(agent: string): string | undefined {
    const { executor } = this.tools;
    return !this.stopping && executor.isFresh() && this.capacity.take(agent) ? executor.id : undefined;
  }

  /** Nothing came of it. */
  unreserve(agent: string, executor: string | undefined): void {
    if (executor !== undefined && this.capacity.free(agent)) this.work.wake();
  }

  /** Who this process is at the moment. */
  get executor(): string {
    return this.tools.executor.id;
  }

  created(row: TaskRow): void {
    this.outlet.created(row);
  }

  of(id: string): TaskRun | undefined {
    return this.runs.get(id);
  }

  /** Looks for work at once. */
  lookForWork(): void {
    this.work.wake();
  }

  runnerOf(kind: string): TaskRunner | undefined {
    return this.tools.runners.of(kind);
  }

  /** @returns whether it was not over yet */
  async cancelRun(principal: string, id: string): Promise<boolean> {
    const row = await requestCancel(this.tools.db, id, principal);
    if (row !== undefined) this.outlet.woken(id);
    this.work.wake();
    return row !== undefined;
  }

  /** Says something more to the agent of a task; goes on with it here when there is room. @throws DomainError conflict */
  async answer(caller: Caller, { row, snapshot }: WholeTask, parts: readonly Part[]): Promise<TaskRow> {
    const timeout = await this.timeoutOf(row.agent);
    const executor = this.reserve(row.agent);
    const message = messageOf(caller, parts);
    const answer = { id: row.id, principal: row.principal, message, executor: executor ?? null, timeout };
    const answered = await addAnswer(this.tools.db, answer).catch((error: unknown) => {
      this.unreserve(row.agent, executor);
      throw error;
    });
    const isOurs = answered?.executor === executor && answered?.epoch !== this.of(row.id)?.row.epoch;
    if (answered !== undefined && executor !== undefined && isOurs) this.begin(answered, snapshot);
    else this.unreserve(row.agent, executor);
    if (answered === undefined) throw new DomainError('conflict', `task_id: the task ${row.id} is over`);
    return answered;
  }

  /** Works on a task that room was reserved for. */
  begin(row: TaskRow, snapshot: TaskSnapshot): void {
    const span = beginSpan(this.tools.traces, row);
    const run = new TaskRun(row, snapshot, this.context(row, span?.trace));
    this.runs.set(row.id, run);
    this.outlet.own(row.id, this.runs.size);
    void run
      .work()
      .catch((cause: unknown) => this.log.error('A task ended unexpectedly', { task: row.id, cause }))
      .finally(() => {
        if (span !== undefined) endSpan(span, run);
        this.ended(run);
      });
  }

  room(): Record<string, number> {
    if (this.stopping) return {};
    const others = this.tools.runners.all().map((runner) => [runner.kind, runner.room()] as const);
    return { agent: this.capacity.left(), ...Object.fromEntries(others) };
  }

  busy(): readonly string[] {
    return this.capacity.busy();
  }

  working(): readonly string[] {
    const calls = [...this.runs.values()].filter((run) => !run.isOver).map(({ row }) => row.id);
    return [...calls, ...this.tools.runners.all().flatMap((runner) => runner.working())];
  }

  claimed(row: TaskRow): void {
    if (row.kind !== 'agent') this.tools.runners.of(row.kind)?.claimed(row);
    else if (row.cancel_requested_at !== null) void this.cancelUpstream(row);
    else if (this.capacity.take(row.agent)) void this.takeOver(row);
    else void this.giveBack(row, false);
  }

  canceled(id: string): void {
    const run = this.runs.get(id);
    if (run !== undefined) void this.cancelUpstream(run.row);
    else if (!this.canceling.has(id)) void this.cancelById(id);
  }

  woken(id: string): void {
    for (const runner of this.tools.runners.all()) runner.woken(id);
  }

  /** By a caller here. */
  canceledByCaller(row: TaskRow, view: TaskView): void {
    this.outlet.canceled(view);
    if (row.executor === this.tools.executor.id) void this.cancelUpstream(row);
  }

  /** A canceled task of ours: the agent is told, then nobody has to do anything more. */
  cancelUpstream(row: TaskRow): Promise<void> {
    const known = this.canceling.get(row.id);
    if (known !== undefined) return known;
    // What its callers follow from now on is what others write.
    this.outlet.disown(row.id, this.runs.size);
    const telling = this.tell(row)
      .catch((cause: unknown) => this.log.warn('A canceled task could not be settled', { task: row.id, cause }))
      .finally(() => this.canceling.delete(row.id));
    this.canceling.set(row.id, telling);
    return telling;
  }

  private async tell(row: TaskRow): Promise<void> {
    const run = this.runs.get(row.id) ?? new TaskRun(row, snapshotOf(row), this.context(row));
    const isKnown = this.runs.has(row.id) || row.upstream_id !== null;
    const isTold = !isKnown || (await run.cancel());
    const again = isTold || row.attempts >= MAX_CANCELS ? null : FIRST_CANCEL_MS * 2 ** row.attempts;
    await settleCancel(this.tools.db, row, again);
  }

  private async cancelById(id: string): Promise<void> {
    const row = await readTask(this.tools.db, id).catch(() => undefined);
    if (row?.cancel_requested_at && row.executor === this.tools.executor.id) await this.cancelUpstream(row);
  }

  private async takeOver(row: TaskRow): Promise<void> {
    try {
      const whole = row.last_seq === 0 ? undefined : await readWhole(this.tools.db, row.id);
      if (row.attempts > 1) {
        this.log.info('A task was taken over', { task: row.id, agent: row.agent, epoch: row.epoch });
        this.outlet.takenOver();
      }
      this.begin(row, whole?.snapshot ?? snapshotOf(row));
    } catch (cause) {
      this.log.warn('A task could not be taken over', { task: row.id, cause });
      this.unreserve(row.agent, this.tools.executor.id);
      await this.giveBack(row, false);
    }
  }

  private giveBack({ id, executor }: TaskRow, begun: boolean): Promise<void> {
    return this.work
      .release(executor ?? '', [id], begun)
      .catch((cause: unknown) => this.log.warn('A task could not be released', { task: id, cause }));
  }

  private context(row: TaskRow, trace?: Trace): RunContext {
    const { a2a, executor, writer } = this.tools;
    return {
      a2a,
      executor,
      writer,
      timeoutMs: this.capacity.timeoutMs,
      auditPayloads: this.tools.config.audit.payloads,
      agent: async (slug) => traced(await this.capacity.agent(slug), row, trace),
      told: (run: TaskRun, events: readonly TaskEvent[], resting: boolean) => this.outlet.told(run, events, resting),
      lost: (run) => void this.lost(run),
      learned: (row, contextId) => this.outlet.learned(row, contextId),
    };
  }

  /** Canceled by somebody, taken over by another, or removed. */
  private async lost(run: TaskRun): Promise<void> {
    const row = await readTask(this.tools.db, run.row.id).catch(() => undefined);
    const isOurs = row?.executor === run.row.executor && row?.epoch === run.row.epoch;
    if (isOurs && row?.cancel_requested_at) await this.cancelUpstream(run.row);
    else run.drop();
  }

  private ended(run: TaskRun): void {
    const { id, agent } = run.row;
    this.unreserve(agent, this.tools.executor.id);
    if (this.runs.get(id) !== run) return;
    this.runs.delete(id);
    this.outlet.disown(id, this.runs.size);
  }

  private async drain(areOthersStopped: () => boolean): Promise<void> {
    const until = performance.now() + DRAIN_MS;
    while ((this.runs.size > 0 || !areOthersStopped()) && performance.now() < until) {
      await this.giveAway().catch((cause: unknown) => this.log.warn('Tasks could not be released', { cause }));
      if (this.runs.size > 0 || !areOthersStopped()) await sleep(DRAIN_POLL_MS);
    }
  }

  private async giveAway(): Promise<void> {
    const runs = [...this.runs.values()].filter((run) => run.isKnownToAgent && !this.canceling.has(run.row.id));
    for (const run of runs) run.drop();
    await this.work.release(
      this.tools.executor.id,
      runs.map(({ row }) => row.id),
    );
  }

  private dropAll(): void {
    for (const run of this.runs.values()) run.drop();
    for (const runner of this.tools.runners.all()) runner.dropAll();
  }
}
