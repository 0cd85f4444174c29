import { randomUUID } from 'node:crypto';
import { type Call, DomainError } from '@app/core';
import type { NewTask } from './task-event.js';

/** Tasks and conversations that can be gone on with; the oldest are forgotten beyond this. */
const MAX_REMEMBERED = 10_000;

/** One task of a caller at an agent. */
export interface Task {
  readonly id: string;
  readonly agent: string;
  readonly principal: string;
  /** The agent's own id, once it told one. */
  upstreamId?: string;
  contextId?: string;
  /** Events so far. */
  seq: number;
}

/** Which tasks and conversations belong to whom. Other people's do not exist for a caller. */
export class TaskMemory {
  private readonly tasks = new Map<string, Task>();
  private readonly contexts = new Set<string>();

  /** The task to go on with, or a new one. @throws DomainError not_found for ids this caller was never told */
  open({ caller }: Call, { agent, taskId, contextId }: NewTask): Task {
    if (taskId !== undefined) return this.known(caller.id, agent, taskId);
    if (contextId !== undefined && !this.contexts.has(contextKey(caller.id, agent, contextId)))
      throw new DomainError('not_found', `context_id: no conversation ${contextId} of yours with ${agent}`);
    const task: Task = { id: randomUUID(), agent, principal: caller.id, contextId, seq: 0 };
    this.tasks.set(task.id, task);
    if (this.tasks.size > MAX_REMEMBERED) this.tasks.delete(oldest(this.tasks));
    return task;
  }

  /** The agent told its ids. */
  learn(task: Task, upstreamId: string | undefined, contextId: string | undefined): void {
    task.upstreamId = upstreamId ?? task.upstreamId;
    if (contextId === undefined || contextId === task.contextId) return;
    task.contextId = contextId;
    this.contexts.add(contextKey(task.principal, task.agent, contextId));
    if (this.contexts.size > MAX_REMEMBERED) this.contexts.delete(oldest(this.contexts));
  }

  private known(principal: string, agent: string, taskId: string): Task {
    const task = this.tasks.get(taskId);
    if (task === undefined || task.principal !== principal || task.agent !== agent)
      throw new DomainError('not_found', `task_id: no task ${taskId} of yours with ${agent}`);
    return task;
  }
}

const contextKey = (principal: string, agent: string, contextId: string) =>
  JSON.stringify([principal, agent, contextId]);

const oldest = (entries: Map<string, unknown> | Set<string>): string => entries.keys().next().value ?? '';
