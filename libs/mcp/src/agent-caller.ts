import { Injectable } from '@nestjs/common';
import type { DirectoryEntry } from '@app/agents';
import { type Caller, DomainError, type JsonObject } from '@app/core';
import type { Request } from '@app/mcp-protocol';
import { partsOf, type TaskView, TasksService } from '@app/tasks';
import { TaskCaller } from './task-caller.js';
import type { ToolInput } from './tool-input.js';

/** Answers `tools/call` of an agent's tool. */
@Injectable()
export class AgentCaller {
  constructor(
    private readonly tasks: TasksService,
    private readonly caller: TaskCaller,
  ) {}

  call(
    agent: DirectoryEntry,
    skill: string | undefined,
    args: ToolInput,
    request: Request<Caller>,
  ): Promise<JsonObject> {
    const { slug: who, card } = agent;
    const begin = () => this.begin(who, skill, args, request);
    return this.caller.call({ who, title: card.name, begin }, request);
  }

  private begin(
    agent: string,
    skill: string | undefined,
    args: ToolInput,
    { principal: caller, trace }: Request<Caller>,
  ): Promise<TaskView> {
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
}

function unlessUnknown(error: unknown): undefined {
  if (!(error instanceof DomainError) || error.code !== 'not_found') throw error;
}
