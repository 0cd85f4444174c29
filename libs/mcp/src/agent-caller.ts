import { Injectable } from '@nestjs/common';
import type { DirectoryEntry } from '@app/agents';
import { Config } from '@app/config';
import { type Caller, DomainError, type JsonObject } from '@app/core';
import { CANCELLED_BY_CLIENT, type Request, TASKS_EXTENSION } from '@app/mcp-protocol';
import { Log } from '@app/telemetry';
import { partsOf, type TaskView, TasksService } from '@app/tasks';
import { expectedFailure } from './expected-failure.js';
import { Progress } from './progress.js';
import { ask, type Resumption, resumptionOf } from './questions.js';
import { declined, errorResult, toolResult } from './results.js';
import { taskHandle } from './task-handle.js';
import type { ToolInput } from './tool-input.js';

/** A client that can follow a task by itself gets the handle of one that does not end soon. */
const HANDLE_AFTER_MS = 2_000;

/** Answers `tools/call` of an agent's tool. The task outlives the call: a client that is gone finds it again. */
@Injectable()
export class AgentCaller {
  private readonly log = new Log('MCP');

  constructor(
    private readonly tasks: TasksService,
    private readonly config: Config,
  ) {}

  /** @returns an MCP result; an expected failure is one with `isError`, so that the model can act on it */
  async call(
    agent: DirectoryEntry,
    skill: string | undefined,
    args: ToolInput,
    request: Request<Caller>,
  ): Promise<JsonObject> {
    const resumption = resumptionOf(request);
    if (resumption?.kind === 'declined') return declined(resumption.taskId);
    try {
      const task = await this.begin(agent.slug, skill, args, request, resumption);
      const ended = await this.ended(task, agent, request);
      if (ended !== undefined) return this.answerFor(ended, request, resumption);
      if (request.signal.aborted) return await this.abandoned(task, request);
      const latest = await this.tasks.get(request.principal, task.taskId);
      return request.hasExtension(TASKS_EXTENSION) ? taskHandle(latest) : toolResult(latest);
    } catch (error) {
      return this.failure(error, agent.slug);
    }
  }

  private begin(
    agent: string,
    skill: string | undefined,
    args: ToolInput,
    { principal: caller, trace }: Request<Caller>,
    resumption: Exclude<Resumption, { kind: 'declined' }> | undefined,
  ): Promise<TaskView> {
    if (resumption?.kind === 'follow') return this.tasks.get(caller, resumption.taskId);
    if (resumption?.kind === 'send') return this.tasks.answer(caller, resumption.taskId, resumption.parts);
    if (args.task_id !== undefined) return this.answered(agent, caller, args.task_id, args);
    const { context_id: contextId, session_id: sessionId, idempotency_key: idempotencyKey } = args;
    const ids = { contextId, sessionId, idempotencyKey, trace };
    return this.tasks.start(caller, { agent, skill, parts: partsOf(args), ...ids });
  }

  private async answered(agent: string, caller: Caller, taskId: string, args: ToolInput): Promise<TaskView> {
    const task = await this.tasks.get(caller, taskId).catch(unlessUnknown);
    if (task?.agent !== agent) throw new DomainError('not_found', `task_id: no task ${taskId} of yours with ${agent}`);
    return this.tasks.answer(caller, taskId, partsOf(args));
  }

  /** Undefined: the time is up, or the client is gone. */
  private async ended(task: TaskView, agent: DirectoryEntry, request: Request<Caller>): Promise<TaskView | undefined> {
    const progress = new Progress(request, agent.card.name);
    const enough = new AbortController();
    const stop = () => enough.abort();
    const budget = request.hasExtension(TASKS_EXTENSION) ? HANDLE_AFTER_MS : this.config.mcp.waitMs;
    const timer = setTimeout(stop, budget).unref();
    request.signal.addEventListener('abort', stop, { once: true });
    try {
      const options = { from: task.lastSeq, signal: enough.signal };
      for await (const event of this.tasks.follow(request.principal, task.taskId, options)) {
        if (event.kind === 'result') return event.task;
        progress.note(event);
      }
      return undefined;
    } finally {
      clearTimeout(timer);
      request.signal.removeEventListener('abort', stop);
      progress.dispose();
    }
  }

  private answerFor(task: TaskView, request: Request<Caller>, resumption: Resumption | undefined): JsonObject {
    const askedAlready = resumption?.kind === 'follow' && task.state === 'auth-required';
    return (askedAlready ? undefined : ask(request, task)) ?? toolResult(task);
  }

  /** A cancel reaches the agent; a client that is merely gone may come back for its result. */
  private async abandoned(task: TaskView, { signal, principal }: Request<Caller>): Promise<JsonObject> {
    const isCancelled = signal.reason instanceof Error && signal.reason.message === CANCELLED_BY_CLIENT;
    if (isCancelled || this.config.mcp.cancelOnDisconnect) await this.tasks.cancel(principal, task.taskId);
    return errorResult('canceled: the client is gone');
  }

  private failure(error: unknown, agent: string): JsonObject {
    const failure = expectedFailure(error);
    if (failure === undefined) throw error;
    this.log.warn('A call to an agent failed', { agent, cause: error });
    return errorResult(failure);
  }
}

function unlessUnknown(error: unknown): undefined {
  if (!(error instanceof DomainError) || error.code !== 'not_found') throw error;
}
