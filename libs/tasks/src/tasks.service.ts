import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  A2aClient,
  type AgentEvent,
  type Artifact,
  EMPTY_SNAPSHOT,
  foldEvent,
  type Part,
  type TaskSnapshot,
  type TaskState,
} from '@app/a2a';
import { AgentDirectory, type DirectoryEntry } from '@app/agents';
import { Config } from '@app/config';
import { type Call, type Caller, DomainError } from '@app/core';
import type { Page } from '@app/web';
import { Cancellation } from './cancellation.js';
import { TaskMeter } from './task-meter.js';
import type { NewTask, TaskEvent, TaskView } from './task-event.js';
import { type Task, TaskMemory } from './task-memory.js';

export interface TaskQuery {
  readonly agent?: string;
  readonly state?: TaskState;
  readonly session?: string;
  readonly page_size: number;
  readonly page_token?: string;
}

/** Work that agents do for callers. */
@Injectable()
export class TasksService {
  private readonly memory = new TaskMemory();

  constructor(
    private readonly directory: AgentDirectory,
    private readonly a2a: A2aClient,
    private readonly meter: TaskMeter,
    private readonly config: Config,
  ) {}

  /**
   * Sends a message to an agent and follows what comes of it, up to the `result` event. When the call's signal aborts, the
   * agent's task is canceled.
   * @throws DomainError not_found (agent, task or context), unavailable, timeout, too_large
   */
  async *send(call: Call, input: NewTask): AsyncGenerator<TaskEvent, void, undefined> {
    const agent = this.callable(input.agent);
    const task = this.memory.open(call, input);
    const message = {
      messageId: randomUUID(),
      parts: input.parts,
      contextId: task.contextId,
      taskId: input.taskId === undefined ? undefined : task.upstreamId,
      metadata: input.skill === undefined ? undefined : { skillId: input.skill },
    };
    yield* this.turn(call, agent, task, (signal) => this.a2a.send(agent.connection, message, signal));
  }

  /** Stores the task and lets this replica begin. @throws DomainError not_found, conflict, rate_limited */
  start(_caller: Caller, _input: NewTask): Promise<TaskView> {
    return notBuilt();
  }

  /** Adds an answer to a waiting task. @throws DomainError not_found, conflict */
  answer(_caller: Caller, _taskId: string, _parts: readonly Part[]): Promise<TaskView> {
    return notBuilt();
  }

  /** Events after `from`, replayed and then live, up to `result`. */
  async *follow(
    _caller: Caller,
    _taskId: string,
    _options: { readonly from?: number; readonly signal: AbortSignal },
  ): AsyncGenerator<TaskEvent, void, undefined> {
    yield await notBuilt();
  }

  /** Durable and final: false when the task was over already. */
  cancel(_caller: Caller, _taskId: string): Promise<{ canceled: boolean; task: TaskView }> {
    return notBuilt();
  }

  /** @throws DomainError not_found */
  get(_caller: Caller, _taskId: string): Promise<TaskView> {
    return notBuilt();
  }

  /** Newest first, without artifacts and history. */
  list(_caller: Caller, _query: TaskQuery): Promise<Page<TaskView>> {
    return notBuilt();
  }

  /** @throws DomainError not_found */
  artifact(_caller: Caller, _taskId: string, _artifactId: string): Promise<Artifact> {
    return notBuilt();
  }

  private callable(slug: string): DirectoryEntry {
    const agent = this.directory.find(slug);
    if (agent === undefined) throw new DomainError('not_found', `No agent ${slug}, or it is disabled`);
    return agent;
  }

  private async *turn(
    { signal }: Call,
    { connection, slug }: DirectoryEntry,
    task: Task,
    events: (signal: AbortSignal) => AsyncIterable<AgentEvent>,
  ): AsyncGenerator<TaskEvent, void, undefined> {
    const { callTimeoutMs } = this.config.agents;
    const cancellation = new Cancellation(this.a2a, connection, task, signal, callTimeoutMs);
    const measured = this.meter.begin(slug);
    let snapshot = EMPTY_SNAPSHOT;
    try {
      for await (const event of events(cancellation.signal)) {
        snapshot = foldEvent(snapshot, event);
        this.memory.learn(task, snapshot.taskId, snapshot.contextId);
        cancellation.noticed();
        yield { taskId: task.id, seq: ++task.seq, at: new Date(), ...told(event, snapshot) };
      }
      measured.end(snapshot.state);
      yield { taskId: task.id, seq: ++task.seq, at: new Date(), kind: 'result', task: viewOf(task, snapshot) };
    } catch (error) {
      measured.failed(error);
      if (cancellation.timedOut)
        throw new DomainError('timeout', `${slug} did not finish within ${callTimeoutMs} ms`, { cause: error });
      throw error;
    } finally {
      measured.dispose();
      cancellation.dispose();
    }
  }
}

function told(event: AgentEvent, { state, message }: TaskSnapshot) {
  if (event.kind !== 'artifact') return { kind: 'status', state, message } as const;
  const { artifact, append, lastChunk } = event;
  return { kind: 'artifact', artifact, append, lastChunk } as const;
}

function viewOf(task: Task, { state, message, artifacts, history }: TaskSnapshot): TaskView {
  const at = new Date();
  const { id, agent, contextId, seq } = task;
  const times = { createdAt: at, updatedAt: at };
  return { taskId: id, kind: 'agent', agent, contextId, state, message, artifacts, history, lastSeq: seq, ...times };
}

function notBuilt(): Promise<never> {
  return Promise.reject(new Error('Not built yet'));
}
