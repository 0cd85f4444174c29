import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { DirectoryEntry } from '@app/agents';
import { type Call, type Caller, DomainError } from '@app/core';
import { partsOf, SessionsService, type TaskView, TasksService } from '@app/tasks';
import { RunsService } from '@app/workflows';
import { detailsOf, summaryOf } from './agent-views.js';
import { CallableAgents } from './callable-agents.js';
import type {
  AgentDetails,
  AgentSummaries,
  Cancel,
  Cancellation,
  CloseSession,
  DescribeAgent,
  GetStatus,
  Handoff,
  Invocation,
  InvokeAgent,
  ListAgents,
  OpenSession,
  RequestView,
  SessionClosed,
  SessionView,
} from './control.schemas.js';
import { answerOf, requestView, statusOf } from './request-view.js';
import { StreamUrls } from './stream-urls.js';

/** What the eight control tools do, whichever door they are called through. */
@Injectable()
export class ControlService {
  constructor(
    private readonly agents: CallableAgents,
    private readonly tasks: TasksService,
    private readonly sessions: SessionsService,
    private readonly streams: StreamUrls,
    private readonly runs: RunsService,
  ) {}

  async listAgents({ caller }: Call, filter: z.infer<typeof ListAgents>): Promise<z.infer<typeof AgentSummaries>> {
    return { agents: (await this.agents.all(caller, filter)).map(summaryOf) };
  }

  async describeAgent({ caller }: Call, { id }: z.infer<typeof DescribeAgent>): Promise<AgentDetails> {
    return detailsOf(await this.agents.find(caller, id, 'id'));
  }

  async openSession(
    { caller }: Call,
    { sessionId }: z.infer<typeof OpenSession>,
  ): Promise<z.infer<typeof SessionView>> {
    const session = await this.sessions.open(caller, sessionId);
    return { sessionId: session.sessionId, createdAt: session.createdAt };
  }

  async closeSession(
    { caller }: Call,
    { sessionId }: z.infer<typeof CloseSession>,
  ): Promise<z.infer<typeof SessionClosed>> {
    return { closed: await this.sessions.close(caller, sessionId) };
  }

  /** Starts a request, or answers one that waits; returns at once. */
  async invokeAgent({ caller, trace }: Call, invocation: z.infer<typeof InvokeAgent>): Promise<Invocation> {
    const { agentId, capability, input, requestId, sessionId, idempotencyKey } = invocation;
    if (requestId !== undefined) return this.answer(caller, requestId, invocation);
    const agent = await this.agents.find(caller, agentId, 'agentId');
    const skill = skillOf(agent, capability);
    const parts = partsOf(input);
    const task = await this.tasks.start(caller, { agent: agent.slug, skill, parts, trace, sessionId, idempotencyKey });
    return this.invocation(caller, task);
  }

  /** Gives what came of a request, and its session, to another agent. */
  async handoff({ caller, trace }: Call, handoff: z.infer<typeof Handoff>): Promise<Invocation> {
    const { fromRequestId, toAgentId, capability, payload, idempotencyKey } = handoff;
    const agent = await this.agents.find(caller, toAgentId, 'toAgentId');
    const skill = skillOf(agent, capability);
    const from = await this.tasks.get(caller, fromRequestId);
    const parts = [...resultToHandOver(from), ...partsOf(payload)];
    const { sessionId } = from;
    const task = await this.tasks.start(caller, { agent: agent.slug, skill, parts, trace, sessionId, idempotencyKey });
    return this.invocation(caller, task);
  }

  async cancel({ caller }: Call, { requestId }: z.infer<typeof Cancel>): Promise<z.infer<typeof Cancellation>> {
    const { canceled, task } = await this.tasks.cancel(caller, requestId);
    return { requestId, canceled, status: statusOf(task.state) };
  }

  async getStatus({ caller }: Call, { requestId }: z.infer<typeof GetStatus>): Promise<RequestView> {
    const task = await this.tasks.get(caller, requestId);
    const isPaused = task.kind === 'workflow' && (await this.runs.isPaused(task.taskId));
    const view = { ...requestView(task), streamUrl: this.streams.urlFor(caller, task.taskId) };
    return isPaused ? { ...view, status: 'paused' } : view;
  }

  private async answer(
    caller: Caller,
    requestId: string,
    { agentId, input, sessionId, idempotencyKey }: z.infer<typeof InvokeAgent>,
  ): Promise<Invocation> {
    const { agent } = await this.tasks.get(caller, requestId);
    if (agent !== agentId) throw new DomainError('invalid', `agentId: the request ${requestId} is one of ${agent}`);
    if (sessionId !== undefined) throw new DomainError('invalid', 'sessionId: an answer stays in its session');
    if (idempotencyKey !== undefined) throw new DomainError('invalid', 'idempotencyKey: is for new requests only');
    return this.invocation(caller, await this.tasks.answer(caller, requestId, partsOf(input)));
  }

  private invocation(caller: Caller, { taskId, state, sessionId }: TaskView): Invocation {
    return {
      requestId: taskId,
      status: statusOf(state),
      streamUrl: this.streams.urlFor(caller, taskId),
      ...(sessionId !== undefined && { sessionId }),
    };
  }
}

/** Undefined: the agent as a whole. */
function skillOf({ slug, card }: DirectoryEntry, capability: string): string | undefined {
  const skills = card.skills.map(({ id }) => id);
  if (skills.includes(capability)) return capability;
  if (['', '*', slug].includes(capability)) return undefined;
  const known = skills.length === 0 ? 'none; leave it out' : `${skills.join(', ')}; or leave it out`;
  throw new DomainError('not_found', `capability: ${slug} has no ${capability}; it has ${known}`);
}

function resultToHandOver(task: TaskView) {
  const parts = answerOf(task);
  // Some agents leave every turn open after they answered.
  const isAnswered = task.state === 'completed' || (task.state === 'input-required' && task.artifacts.length > 0);
  if (isAnswered && parts.length > 0) return parts;
  const status = statusOf(task.state);
  throw new DomainError(
    'conflict',
    `fromRequestId: ${task.taskId} is ${status} and has no result that could be handed over`,
  );
}
