import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { DirectoryEntry } from '@app/agents';
import { type Call, type Caller, DomainError, type JsonObject } from '@app/core';
import type { Request } from '@app/mcp-protocol';
import { Log } from '@app/telemetry';
import { type NewTask, type TaskEvent, type TaskView, TasksService } from '@app/tasks';
import { Progress } from './progress.js';
import { ask, resumptionOf } from './questions.js';
import { toolResult } from './results.js';
import { partsOf, type ToolInput } from './tool-input.js';

/** How long a person may take at an agent's authorization page before the result says how to go on later. */
const AUTHORIZATION_WAIT_MS = 120_000;
const AUTHORIZATION_POLL_MS = 1_000;

/** Answers `tools/call` of an agent's tool. */
@Injectable()
export class AgentCaller {
  private readonly log = new Log('MCP');

  constructor(private readonly tasks: TasksService) {}

  /** @returns an MCP result; an expected failure is one with `isError`, so that the model can act on it */
  async call(
    agent: DirectoryEntry,
    skill: string | undefined,
    args: ToolInput,
    request: Request<Caller>,
  ): Promise<JsonObject> {
    const resumption = resumptionOf(request);
    if (resumption?.kind === 'declined') return declined(resumption.taskId);
    const call = { caller: request.principal, signal: request.signal };
    const progress = new Progress(request, agent.card.name);
    try {
      if (resumption?.kind === 'follow') {
        const result = await this.authorized(call, resumption.taskId, progress);
        return (result.state === 'auth-required' ? undefined : ask(request, result)) ?? toolResult(result);
      }
      const events = this.tasks.send(call, { ...newTask(agent.slug, skill, args), ...resumption });
      const result = await this.followed(events, progress);
      return ask(request, result) ?? toolResult(result);
    } catch (error) {
      return this.failure(error, agent.slug);
    } finally {
      progress.dispose();
    }
  }

  /** The person is at the agent's own page; the agent goes on by itself as soon as it is satisfied. */
  private async authorized(call: Call, taskId: string, progress: Progress): Promise<TaskView> {
    const deadline = performance.now() + AUTHORIZATION_WAIT_MS;
    for (;;) {
      const result = await this.followed(this.tasks.follow(call.caller, taskId, call), progress);
      if (result.state !== 'auth-required' || performance.now() > deadline) return result;
      await sleep(AUTHORIZATION_POLL_MS, undefined, { signal: call.signal });
    }
  }

  private async followed(events: AsyncIterable<TaskEvent>, progress: Progress): Promise<TaskView> {
    for await (const event of events) {
      if (event.kind === 'result') return event.task;
      progress.note(event);
    }
    throw new Error('a task ended without a result');
  }

  private failure(error: unknown, agent: string): JsonObject {
    if (error instanceof Error && error.name === 'AbortError') return errorResult('canceled: the call was canceled');
    if (!(error instanceof DomainError)) throw error;
    this.log.warn('A call to an agent failed', { agent, code: error.code, cause: error });
    return errorResult(`${error.code}: ${error.message}`);
  }
}

function newTask(agent: string, skill: string | undefined, args: ToolInput): NewTask {
  return { agent, skill, parts: partsOf(args), contextId: args.context_id, taskId: args.task_id };
}

function declined(taskId: string): JsonObject {
  const text = `The question was not answered. The agent still waits: call this tool again with task_id "${taskId}" to answer.`;
  return {
    content: [{ type: 'text', text }],
    structuredContent: { state: 'input-required', task_id: taskId },
    _meta: { task_id: taskId },
  };
}

export const errorResult = (text: string): JsonObject => ({ isError: true, content: [{ type: 'text', text }] });
