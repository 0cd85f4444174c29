import { isJsonObject, type JsonObject } from '@app/core';
import type { InputRequest, InputRequired, Principal, Request } from '@app/mcp-protocol';
import type { TaskView } from '@app/tasks';
import type { Part } from '@app/a2a';
import { authorizationUrl, questionOf } from './results.js';

/** The one question of a round. */
const KEY = 'answer';
const PRIMITIVES = ['string', 'number', 'integer', 'boolean'];

/** What goes on after a question was answered. */
export type Resumption =
  /** The answer goes to the agent. */
  | { readonly kind: 'send'; readonly taskId: string; readonly parts: readonly Part[] }
  /** The person authorized elsewhere; the agent goes on by itself. */
  | { readonly kind: 'follow'; readonly taskId: string }
  /** The person did not want to answer; the agent still waits. */
  | { readonly kind: 'declined'; readonly taskId: string };

/** Asks the person behind the client what the agent asks; undefined when there is no question, or the client cannot ask. */
export function ask(request: Request<Principal>, result: TaskView): InputRequired | undefined {
  const { taskId } = result;
  const { form, url } = elicitationModes(request.capabilities.elicitation);
  if (result.state === 'input-required' && form) {
    const message = questionOf(result);
    if (message === undefined) return undefined;
    const schema = schemaIn(result);
    return request.inputRequired({ [KEY]: formRequest(message, schema) }, { taskId, structured: schema !== undefined });
  }
  const target = result.state === 'auth-required' && url ? authorizationUrl(result) : undefined;
  if (target === undefined) return undefined;
  const message = questionOf(result) ?? 'The agent needs your authorization.';
  return request.inputRequired({ [KEY]: urlRequest(message, target, taskId) }, { taskId, authorize: true });
}

/** What the client's answer means; undefined on the first round. */
export function resumptionOf({ state, answers }: Request<Principal>): Resumption | undefined {
  if (state === undefined || answers === undefined) return undefined;
  const taskId = String(state.taskId);
  const answer = answers[KEY];
  if (answer?.action !== 'accept') return { kind: 'declined', taskId };
  if (state.authorize === true) return { kind: 'follow', taskId };
  const content = isJsonObject(answer.content) ? answer.content : {};
  const said = content[KEY];
  const parts = state.structured === true ? [{ data: content }] : [{ text: typeof said === 'string' ? said : '' }];
  return { kind: 'send', taskId, parts };
}

/** MCP: an empty `elicitation` capability means forms. */
function elicitationModes(capability: unknown): { form: boolean; url: boolean } {
  if (!isJsonObject(capability)) return { form: false, url: false };
  const url = capability.url !== undefined;
  return { form: capability.form !== undefined || !url, url };
}

function formRequest(message: string, schema: JsonObject | undefined): InputRequest {
  const free = { type: 'object', properties: { [KEY]: { type: 'string', title: 'Answer' } }, required: [KEY] };
  return { method: 'elicitation/create', params: { mode: 'form', message, requestedSchema: schema ?? free } };
}

function urlRequest(message: string, url: string, elicitationId: string): InputRequest {
  return { method: 'elicitation/create', params: { mode: 'url', message, url, elicitationId } };
}

/** A schema the agent sent in a data part, when it is one that a form can show: an object of primitive fields. */
function schemaIn({ message = [] }: TaskView): JsonObject | undefined {
  return message
    .map(({ data }) => data)
    .filter(isJsonObject)
    .find(
      ({ type, properties }) =>
        type === 'object' &&
        isJsonObject(properties) &&
        Object.values(properties).every((field) => isJsonObject(field) && PRIMITIVES.includes(String(field.type))),
    );
}
