import {
  type A2aClient,
  type AgentEvent,
  cleanText,
  EMPTY_SNAPSHOT,
  foldEvent,
  isFinal,
  type TaskSnapshot,
} from '@app/a2a';
import type { DirectoryEntry } from '@app/agents';
import { DomainError } from '@app/core';
import type { Executor } from '@app/durable';
import { Log } from '@app/telemetry';
import { callEvent } from './call-event.js';
import { nextLook } from './next-look.js';
import { resultEvent, snapshotEvent, storedEvent, type StoredEvent, toldEvent } from './stored-event.js';
import type { Flushed, FlushItem, Rest } from './sql-flush.js';
import { isResting, type TaskRow, viewOf } from './task-row.js';
import type { TaskError, TaskEvent, TaskView } from './task-event.js';
import type { TaskWriter, Writing } from './task-writer.js';
import { cancelUpstream, eventsOf } from './task-conversation.js';

/** How long an agent may take to tell the id of a task that is to be canceled. */
const PATIENCE_MS = 5_000;
/** An agent that says more than this between two flushes has to wait. */
const MOST_WAITING = 1024 * 1024;
/** A task that ends whoever works on it must not do so for ever. */
const MAX_ATTEMPTS = 10;
/** What one event counts beside its content. */
const EVENT_LENGTH = 200;

/** What a run needs of its process. */
export interface RunContext {
  readonly a2a: A2aClient;
  readonly executor: Executor;
  readonly writer: TaskWriter;
  readonly timeoutMs: number;
  readonly auditPayloads: boolean;
  agent(slug: string): Promise<DirectoryEntry | undefined>;
  /** Committed. `resting`: and now the turn is over. */
  told(run: TaskRun, events: readonly TaskEvent[], resting: boolean): void;
  /** Its writes find nothing any more. */
  lost(run: TaskRun): void;
  /** The agent told the conversation's id. */
  learned(row: TaskRow, contextId: string): void;
}

/** One task being worked on here. Whatever it writes is lost once the task is somebody else's. */
export class TaskRun implements Writing {
  private readonly log = new Log('Tasks');
  private talk = new AbortController();
  private dropped = false;
  private pending: StoredEvent[] = [];
  private rest: Rest | undefined;
  /** How it ends since what happened cannot be stored. */
  private broken: Rest | undefined;
  private heardNow = false;
  private replaces = false;
  private canceling: Promise<boolean> | undefined;
  private idKnown = (): void => undefined;
  private taken = (): void => undefined;
  private settled = (_row: Flushed | undefined): void => undefined;
  waiting = 0;

  constructor(
    public row: TaskRow,
    private snapshot: TaskSnapshot,
    private readonly context: RunContext,
  ) {}

  /** What its caller sees, as far as it is known here. */
  get view(): TaskView {
    return viewOf(this.row, this.snapshot);
  }

  /** The agent told its own id of the task: anybody can go on with it. */
  get isKnownToAgent(): boolean {
    return this.row.heard && this.row.upstream_id !== null;
  }

  private get upstreamId(): string | null {
    return this.snapshot.taskId ?? this.row.upstream_id;
  }

  /** Nothing of it is written any more. */
  get isOver(): boolean {
    return this.dropped;
  }

  /** One turn after the other, until the task is at rest or lost. */
  async work(): Promise<void> {
    for (;;) {
      const rest = await this.turn();
      if (this.dropped) return;
      const after = await this.finish(rest);
      if (after === undefined || after.executor === null) return;
      this.goOn(after);
    }
  }

  /** Not ours any more; the agent is told nothing. */
  drop(): void {
    this.dropped = true;
    this.talk.abort();
    this.settled(undefined);
    this.taken();
  }

  /** Tells the agent as soon as its id is known; then nothing more is expected of it. @returns whether it heard */
  cancel(): Promise<boolean> {
    this.canceling ??= this.tellCanceled().finally(() => this.drop());
    return this.canceling;
  }

  take(): FlushItem | undefined {
    const { row, snapshot, pending: events, rest = null } = this;
    const isOver = this.dropped || this.canceling !== undefined;
    if (isOver || (events.length === 0 && rest === null)) return undefined;
    this.pending = [];
    this.rest = undefined;
    this.waiting = 0;
    this.taken();
    const state = rest === null && isResting(snapshot.state) ? 'working' : snapshot.state;
    return {
      id: row.id,
      executor: row.executor ?? '',
      epoch: row.epoch,
      base: row.last_seq,
      state,
      upstream: snapshot.taskId ?? null,
      context: snapshot.contextId ?? null,
      heard: this.heardNow,
      events,
      rest,
      audit: rest && callEvent(row, state, rest, this.context.auditPayloads),
    };
  }

  written(item: FlushItem, after: Flushed | undefined): void {
    if (after === undefined) {
      this.context.lost(this);
      return;
    }
    const { last_seq, updated_at, finished_at, deadline } = after;
    const inbox = after.inbox ?? this.row.inbox;
    const context_id = item.context ?? this.row.context_id;
    const upstream_id = item.upstream ?? this.row.upstream_id;
    const isAtRest = item.rest !== null && after.executor === null;
    const rested_at = isAtRest ? updated_at : null;
    const isNewContext = context_id !== null && context_id !== this.row.context_id;
    const error = item.rest?.error ?? null;
    const heard = this.row.heard || item.heard;
    const row = { last_seq, updated_at, finished_at, rested_at, deadline, inbox };
    const known = { ...row, context_id, upstream_id, error, heard };
    this.row = { ...this.row, ...known, state: item.state };
    if (isNewContext) this.context.learned(this.row, context_id);
    const { id: task_id } = this.row;
    const told = item.events.map((event, i) => toldEvent({ ...event, task_id, seq: item.base + i + 1 }, this.row));
    this.context.told(this, told, isAtRest);
    if (item.rest !== null) this.settled(after);
  }

  unwritable(error: unknown): void {
    this.log.error('What happened to a task cannot be stored', { task: this.row.id, cause: error });
    if (this.broken !== undefined) return this.drop();
    const { taskId, contextId } = this.snapshot;
    this.snapshot = { ...EMPTY_SNAPSHOT, taskId, contextId };
    this.pending = [];
    this.broken = this.failed(new DomainError('unavailable', 'What the agent said cannot be stored'));
    this.rest = this.broken;
    this.talk.abort();
    this.context.writer.note(this, true);
  }

  private async turn(): Promise<Rest> {
    let timedOut = false;
    this.talk = new AbortController();
    this.heardNow = false;
    const isWatch = this.row.inbox.length === 0;
    const left = this.row.deadline.getTime() - Date.now();
    if (isWatch && left <= 0) return this.atRest();
    const timer = setTimeout(
      () => {
        timedOut = true;
        void this.tellCanceled().finally(() => this.talk.abort());
      },
      Math.max(left, 0),
    );
    try {
      await this.listen();
      return this.atRest();
    } catch (error) {
      if (this.broken !== undefined) return this.broken;
      if (isWatch && !this.heardNow && error instanceof DomainError) return this.atRest();
      const late = `${this.row.agent} did not finish within ${this.context.timeoutMs} ms`;
      return this.failed(timedOut ? new DomainError('timeout', late, { cause: error }) : error);
    } finally {
      clearTimeout(timer);
    }
  }

  private async listen(): Promise<void> {
    const { a2a, executor } = this.context;
    const agent = await this.context.agent(this.row.agent);
    if (agent === undefined) throw new DomainError('not_found', `No agent ${this.row.agent}, or it is disabled`);
    if (this.row.attempts > MAX_ATTEMPTS && this.row.inbox.length > 0)
      throw new DomainError(
        'unavailable',
        `given up after ${MAX_ATTEMPTS} attempts, each of which ended with its process`,
      );
    // What was said before belongs to the turn before; what was made stays.
    const { contextId, artifacts, length } = this.snapshot;
    const isNew = this.row.inbox.length > 0 && !this.row.heard;
    if (isNew) this.snapshot = { ...EMPTY_SNAPSHOT, contextId, artifacts, length };
    const replaceNext = () => void (this.replaces = true);
    const talk = { a2a, executor, agent, row: this.row, signal: this.talk.signal, replaceNext };
    for await (const event of eventsOf(talk)) await this.hear(event);
    if (!isResting(this.snapshot.state))
      throw new DomainError('unavailable', `${agent.slug} stopped answering before its task was finished`);
  }

  private async hear(event: AgentEvent): Promise<void> {
    const before = this.snapshot;
    this.snapshot = foldEvent(before, event);
    this.pending.push(this.replaces ? snapshotEvent(this.snapshot) : storedEvent(event, before, this.snapshot));
    this.replaces = false;
    this.heardNow = true;
    this.waiting += EVENT_LENGTH + Math.max(this.snapshot.length - before.length, 0);
    if (this.snapshot.taskId !== undefined) this.idKnown();
    // The end of the turn follows at once and is written with it.
    if (isResting(this.snapshot.state)) return;
    this.context.writer.note(this, false);
    if (this.waiting > MOST_WAITING && !this.dropped) await new Promise<void>((resolve) => (this.taken = resolve));
  }

  private finish(rest: Rest): Promise<Flushed | undefined> {
    this.rest = rest;
    return new Promise((resolve) => {
      this.settled = resolve;
      this.context.writer.note(this, true);
    });
  }

  private atRest(error: TaskError | null = null): Rest {
    const { state, message = null, history, artifacts } = this.snapshot;
    if (this.heardNow || error !== null) this.pending.push(resultEvent());
    return {
      final: isFinal(state),
      said: Math.min(this.row.inbox.length, 1),
      message,
      history,
      artifacts,
      error,
      again: nextLook(this.row, this.snapshot.state),
      timeout: this.context.timeoutMs,
    };
  }

  private failed(error: unknown): Rest {
    const { id: task, agent } = this.row;
    const isExpected = error instanceof DomainError;
    const told = isExpected ? error : new DomainError('unavailable', 'Internal error');
    if (!this.dropped) {
      if (isExpected) this.log.warn('A call to an agent failed', { task, agent, code: told.code, cause: error });
      else this.log.error('A call to an agent failed', { task, agent, cause: error });
    }
    this.snapshot = { ...this.snapshot, state: 'failed' };
    this.pending.push({ at: new Date(), kind: 'status', body: { state: 'failed' } });
    return this.atRest({ code: told.code, message: cleanText(told.message) });
  }

  private goOn({ inbox, deadline, executor }: Flushed): void {
    const next = { inbox: inbox ?? [], deadline, executor, heard: false, attempts: 1, rested_at: null };
    this.row = { ...this.row, ...next, message: this.snapshot.message ?? null, state: 'working' };
  }

  private async tellCanceled(): Promise<boolean> {
    const agent = await this.context.agent(this.row.agent);
    if (this.upstreamId === null && !this.talk.signal.aborted) await this.waitForId();
    const taskId = this.upstreamId;
    if (agent === undefined || taskId === null) return true;
    return cancelUpstream(this.context.a2a, agent, taskId);
  }

  private waitForId(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_MS);
      this.idKnown = () => {
        clearTimeout(timer);
        resolve();
      };
      this.talk.signal.addEventListener('abort', this.idKnown, { once: true });
    });
  }
}
