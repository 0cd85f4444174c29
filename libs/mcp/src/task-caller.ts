import { Injectable } from '@nestjs/common';
import { Config } from '@app/config';
import type { Caller, JsonObject } from '@app/core';
import { CANCELLED_BY_CLIENT, type Request, TASKS_EXTENSION } from '@app/mcp-protocol';
import { Log } from '@app/telemetry';
import { type StepEvent, type TaskView, TasksService } from '@app/tasks';
import { expectedFailure } from './expected-failure.js';
import { Progress } from './progress.js';
import { ask, type Resumption, resumptionOf } from './questions.js';
import { errorResult } from './results.js';
import { taskHandle } from './task-handle.js';
import { TaskQuestions } from './task-questions.js';
import { declined, taskResult } from './task-result.js';

/** A client that can follow a task by itself gets the handle of one that does not end soon. */
const HANDLE_AFTER_MS = 2_000;

/** What a tool has done for its caller. */
export interface Work {
  /** Who does it: an agent's slug, or `workflow/<name>`. */
  readonly who: string;
  /** The same for people. */
  readonly title: string;
  /** @throws DomainError */
  readonly begin: () => Promise<TaskView>;
  /** A step of a run in words; undefined: nothing worth saying. */
  readonly wordsOf?: (step: StepEvent) => string | undefined;
}

/** Answers a `tools/call` whose work is a task. The task outlives the call: a client that is gone finds it again. */
@Injectable()
export class TaskCaller {
  private readonly log = new Log('MCP');

  constructor(
    private readonly tasks: TasksService,
    private readonly questions: TaskQuestions,
    private readonly config: Config,
  ) {}

  /** @returns an MCP result; an expected failure is one with `isError`, so that the model can act on it */
  async call(work: Work, request: Request<Caller>): Promise<JsonObject> {
    const resumption = resumptionOf(request);
    try {
      if (resumption?.kind === 'declined') return declined(await this.tasks.get(request.principal, resumption.taskId));
      const task = await this.begin(work, request, resumption);
      const ended = await this.ended(task, work, request);
      if (ended !== undefined) return await this.answerFor(ended, request, resumption);
      if (request.signal.aborted) return await this.abandoned(task, request);
      const latest = await this.tasks.get(request.principal, task.taskId);
      if (!request.hasExtension(TASKS_EXTENSION)) return taskResult(latest);
      return taskHandle(latest, await this.questions.of(request.principal, latest));
    } catch (error) {
      const failure = expectedFailure(error);
      if (failure === undefined) throw error;
      this.log.warn(`A call to ${work.who} failed`, { agent: work.who, cause: error });
      return errorResult(failure);
    }
  }

  private begin(
    { begin }: Work,
    { principal: caller }: Request<Caller>,
    resumption: Exclude<Resumption, { kind: 'declined' }> | undefined,
  ): Promise<TaskView> {
    if (resumption === undefined) return begin();
    const { taskId } = resumption;
    if (resumption.kind === 'follow') return this.tasks.get(caller, taskId);
    return this.questions.answer(caller, taskId, resumption.key, resumption.parts);
  }

  /** Undefined: the time is up, or the client is gone. */
  private async ended(
    task: TaskView,
    { title, wordsOf }: Work,
    request: Request<Caller>,
  ): Promise<TaskView | undefined> {
    const progress = new Progress(request, title, wordsOf);
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

  private async answerFor(
    task: TaskView,
    request: Request<Caller>,
    resumption: Resumption | undefined,
  ): Promise<JsonObject> {
    const askedAlready = resumption?.kind === 'follow' && task.state === 'auth-required';
    if (askedAlready) return taskResult(task);
    return ask(request, task.taskId, await this.questions.of(request.principal, task)) ?? taskResult(task);
  }

  /** A cancel reaches who does the work; a client that is merely gone may come back for its result. */
  private async abandoned(task: TaskView, { signal, principal }: Request<Caller>): Promise<JsonObject> {
    const isCancelled = signal.reason instanceof Error && signal.reason.message === CANCELLED_BY_CLIENT;
    if (isCancelled || this.config.mcp.cancelOnDisconnect) await this.tasks.cancel(principal, task.taskId);
    return errorResult('canceled: the client is gone');
  }
}
