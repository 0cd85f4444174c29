import { createHash } from 'node:crypto';
import { isJsonObject, type JsonObject } from '@app/core';
import type { InputRequest, Principal } from './host.js';
import { invalidParams } from './rpc.js';
import type { Sealer } from './sealed-session.js';

/** The request whose state it is: the state opens only for the same principal, method, tool and arguments. */
interface Asking {
  readonly principal: Principal;
  readonly method: string;
  readonly params: JsonObject;
}

export type Questions = Readonly<Record<string, InputRequest>>;
export type Answers = Readonly<Record<string, JsonObject>>;

const PURPOSE = 'mcp-request-state';

/** What an answer must have to be one; what was asked for in a form is the host's to check. */
const ANSWER: Record<InputRequest['method'], { expected: string; isFine: (answer: JsonObject) => boolean }> = {
  'elicitation/create': {
    expected: '{ action: "accept" | "decline" | "cancel", content? }',
    isFine: ({ action }) => action === 'accept' || action === 'decline' || action === 'cancel',
  },
  'sampling/createMessage': {
    expected: '{ role, content, model }',
    isFine: ({ content }) => typeof content === 'object' && content !== null,
  },
  'roots/list': { expected: '{ roots: [...] }', isFine: ({ roots }) => Array.isArray(roots) },
};

/** Between two rounds of one request the server holds nothing: the client carries the state, sealed. */
export class RequestStates {
  constructor(
    private readonly sealer: Sealer,
    private readonly ttlMs: number,
  ) {}

  seal(asking: Asking, questions: Questions, state: JsonObject | undefined): string {
    const asked = Object.entries(questions).map(([key, { method }]) => [key, method]);
    return this.sealer.seal(PURPOSE, { ...identity(asking), asked, state }, this.ttlMs);
  }

  /** @throws RpcError when the state is not ours, is of another request, or an answer is not one. */
  open(asking: Asking, token: unknown, given: unknown): { answers: Answers; state: JsonObject | undefined } {
    const sealed = typeof token === 'string' ? this.sealer.open(PURPOSE, token) : undefined;
    if (!sealed || Object.entries(identity(asking)).some(([key, value]) => sealed[key] !== value)) {
      throw invalidParams('requestState is not valid for this request, or has expired');
    }
    const answers: Record<string, JsonObject> = {};
    for (const [key, method] of sealed.asked as [string, InputRequest['method']][]) {
      const answer = isJsonObject(given) && Object.hasOwn(given, key) ? given[key] : undefined;
      if (answer !== undefined) answers[key] = checkAnswer(key, method, answer);
    }
    return { answers, state: sealed.state as JsonObject | undefined };
  }
}

function checkAnswer(key: string, method: InputRequest['method'], answer: unknown): JsonObject {
  const { expected, isFine } = ANSWER[method];
  if (isJsonObject(answer) && isFine(answer)) return answer;
  throw invalidParams(`the answer to ${key} must be ${expected}`);
}

function identity({ principal, method, params }: Asking): JsonObject {
  const digest = createHash('sha256').update(canonical(params.arguments)).digest('base64url');
  return { principal: principal.id, method, target: params.name ?? params.uri ?? null, digest };
}

/** The same text for the same value, whatever order a client's JSON library gives the keys. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) =>
      isJsonObject(part) ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1))) : part,
    ) ?? ''
  );
}
