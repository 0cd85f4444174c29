import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { A2aClient, type AgentEvent, EMPTY_SNAPSHOT, foldEvent, type TaskSnapshot } from '@app/a2a';
import { AgentDirectory, type DirectoryEntry } from '@app/agents';
import { Config } from '@app/config';
import { type Call, DomainError } from '@app/core';
import { Cancellation } from './cancellation.js';
import { TaskMeter } from './task-meter.js';
import type { NewTask, TaskEvent, TaskResult } from './task-event.js';
import { type Task, TaskMemory } from './task-memory.js';

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

  /** Follows a task of this caller from where it is. @throws DomainError as `send` */
  async *follow(
    call: Call,
    { agent: slug, taskId }: { agent: string; taskId: string },
  ): AsyncGenerator<TaskEvent, void, undefined> {
    const agent = this.callable(slug);
    const task = this.memory.open(call, { agent: slug, taskId, parts: [] });
    const { upstreamId } = task;
    if (upstreamId === undefined)
      throw new DomainError(
        'conflict',
        `task_id: ${slug} answered ${taskId} without a task; there is nothing to follow`,
      );
    yield* this.turn(call, agent, task, (signal) => this.a2a.follow(agent.connection, upstreamId, signal));
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
      yield { taskId: task.id, seq: ++task.seq, at: new Date(), kind: 'result', result: resultOf(task, snapshot) };
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

function resultOf(task: Task, { state, message, artifacts, history }: TaskSnapshot): TaskResult {
  return { taskId: task.id, contextId: task.contextId, state, message, artifacts, history };
}
