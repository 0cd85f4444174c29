import {
  A2aClient,
  type AgentEvent,
  AgentError,
  EMPTY_SNAPSHOT,
  foldEvent,
  isFinal,
  type OutgoingMessage,
  readParts,
  type TaskSnapshot,
} from '@app/a2a';
import { isJsonObject, type JsonObject } from '@app/core';
import { Outbound } from '@app/outbound';
import { Injectable } from '@nestjs/common';
import { A2A_METHODS, type A2aMethod, isA2aMethod } from './a2a-methods.js';
import { resultOf } from './a2a-result.js';
import { askByRpc } from './a2a-rpc.js';
import { type A2aTarget, A2aTargets } from './a2a-target.js';
import { expected, objectIn, textIn } from './arguments.js';
import { asCallError, attempt, limitsOf, maxBytesOf } from './attempt.js';
import type { CallContext } from './call-context.js';
import { CallError } from './call-error.js';
import { Sent } from './sent.js';

interface Asked extends A2aTarget {
  readonly params: JsonObject;
  readonly ctx: CallContext;
  readonly signal: AbortSignal;
  readonly sent: Sent;
}

/** `call: a2a` of DSL 1.0.3: an agent that is not in the registry. */
@Injectable()
export class A2aCalls {
  constructor(
    private readonly a2a: A2aClient,
    private readonly targets: A2aTargets,
    private readonly outbound: Outbound,
  ) {}

  /**
   * @param args `with`, expressions already filled: agentCard or server, method (names of 0.3), parameters (of 0.3)
   * @returns a `Task` or `Message` of A2A 0.3. Sending waits until the task is final or asks something, unless
   * `configuration.blocking` is false
   * @throws CallError; a task that failed, was rejected or cancelled while it was waited for is one of communication
   */
  call(args: JsonObject, ctx: CallContext): Promise<unknown> {
    return attempt(ctx, async (signal) => {
      const method = textIn(args, 'method');
      if (!isA2aMethod(method)) throw expected('with.method', `one of ${Object.keys(A2A_METHODS).join(', ')}`);
      const params = objectIn(args, 'parameters');
      const target = await this.targets.find(args, ctx, signal);
      const sent = new Sent();
      sent.add(params, target.authorization?.header.replace(/^\w+ /, ''));
      return await this.ask(method, { ...target, params, ctx, signal, sent });
    });
  }

  private async ask(method: A2aMethod, asked: Asked): Promise<unknown> {
    try {
      const operation = this.operations[method];
      if (operation !== undefined) return bounded(await operation(asked), asked);
      return await askByRpc(this.outbound, method, { ...asked, limits: limitsOf(asked.ctx) });
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      asked.authorization?.refused();
      throw asAgentCallError(error, asked.sent);
    }
  }

  private readonly operations: Partial<Record<A2aMethod, (asked: Asked) => Promise<JsonObject>>> = {
    'message/send': (asked) => this.send(asked),
    'message/stream': (asked) => this.send(asked),
    'tasks/get': async ({ agent, params, signal }) =>
      resultOf(fold([await this.a2a.get(agent, taskIdIn(params), signal)])),
    'tasks/cancel': (asked) => this.cancel(asked),
    'tasks/resubscribe': (asked) =>
      outcomeOf(this.a2a.follow(asked.agent, taskIdIn(asked.params), asked.signal), asked),
  };

  private send(asked: Asked): Promise<JsonObject> {
    const { agent, params, signal } = asked;
    return outcomeOf(this.a2a.send(agent, messageIn(asked), signal), asked, isPatient(params));
  }

  private async cancel({ agent, params, signal }: Asked): Promise<JsonObject> {
    const taskId = taskIdIn(params);
    await this.a2a.cancel(agent, taskId, signal);
    return resultOf(fold([await this.a2a.get(agent, taskId, signal)]));
  }
}

const taskIdIn = (params: JsonObject): string => textIn(params, 'id', 'with.parameters.id');

/** Whether the end is waited for: `configuration.blocking` of 0.3. */
const isPatient = (params: JsonObject): boolean =>
  objectIn(params, 'configuration', 'with.parameters.configuration').blocking !== false;

/** The step's key is the message's id, by which an agent may know that it has it already. */
function messageIn({ params, ctx }: Asked): OutgoingMessage {
  const message = objectIn(params, 'message', 'with.parameters.message');
  const parts = readParts(message, { version: '0.3' }) ?? [];
  if (parts.length === 0)
    throw expected('with.parameters.message.parts', 'at least one part such as {kind: text, text: …}');
  const { metadata } = message;
  const ids = (['contextId', 'taskId'] as const).filter((name) => message[name] !== undefined);
  return {
    messageId: typeof message.messageId === 'string' ? message.messageId : ctx.idempotencyKey,
    parts,
    ...Object.fromEntries(ids.map((name) => [name, textIn(message, name, `with.parameters.message.${name}`)])),
    ...(isJsonObject(metadata) && { metadata }),
  };
}

const fold = (events: readonly AgentEvent[]): TaskSnapshot => events.reduce(foldEvent, EMPTY_SNAPSHOT);

/** @throws CallError for a task that did not come to a good end: it must not pass for success */
async function outcomeOf(
  events: AsyncIterable<AgentEvent>,
  { host, sent, ctx }: Asked,
  isPatiently = true,
): Promise<JsonObject> {
  let snapshot = EMPTY_SNAPSHOT;
  for await (const event of events) {
    snapshot = foldEvent(snapshot, event);
    if (snapshot.length > maxBytesOf(ctx)) throw tooLarge(host, maxBytesOf(ctx));
    if (!isPatiently && snapshot.taskId !== undefined) break;
  }
  const { state, message } = snapshot;
  if (!isFinal(state) || state === 'completed') return resultOf(snapshot);
  const words = sent.excerpt((message ?? []).flatMap(({ text }) => text ?? []).join(' '));
  throw new CallError('communication', `The task at ${host} is ${state}${words === '' ? '' : `: ${words}`}`, {
    title: 'Agent task failed',
  });
}

/** A direct answer has no length before it is there. */
function bounded(result: JsonObject, { host, ctx }: Asked): JsonObject {
  if (Buffer.byteLength(JSON.stringify(result)) > maxBytesOf(ctx)) throw tooLarge(host, maxBytesOf(ctx));
  return result;
}

const tooLarge = (host: string, limit: number): CallError =>
  new CallError('communication', `The answer of ${host} is larger than ${limit} bytes`, { status: 502 });

/** What the agent itself answered, without what was sent to it. */
function asAgentCallError(error: AgentError, sent: Sent): unknown {
  if (error.reason === 'CREDENTIALS_REFUSED')
    return new CallError('authentication', error.message, { status: error.agentCode });
  const meant = asCallError(error);
  if (!(meant instanceof CallError)) return meant;
  const kind = error.code === 'invalid' ? 'validation' : meant.kind;
  return new CallError(kind, sent.excerpt(error.message), { status: meant.status });
}
