import type { Part } from '@app/a2a';
import { isJsonObject, type JsonObject } from '@app/core';
import type { InputRequest, InputRequired, Principal, Request } from '@app/mcp-protocol';
import type { TaskView } from '@app/tasks';
import { authorizationUrl, questionOf } from './results.js';

/** The one question that an agent asks. Those of runs have ids. */
export const KEY = 'answer';
const PRIMITIVES = ['string', 'number', 'integer', 'boolean'];

/** What an agent or a run waits for, as an MCP input request. */
export interface Question {
  /** Of a run: the id of its question. */
  readonly key: string;
  /** One free text, the agent's own form, or a visit to the agent's page. */
  readonly kind: 'text' | 'form' | 'authorize';
  readonly request: InputRequest;
}

/** An open question of a run that its reader may answer. */
interface RunQuestion {
  readonly id: string;
  readonly prompt: string;
  readonly schema: JsonObject;
}

/** What goes on after a question was answered. */
export type Resumption =
  /** The answer goes to who asked. */
  | { readonly kind: 'send'; readonly taskId: string; readonly key: string; readonly parts: readonly Part[] }
  /** The person authorized elsewhere; the agent goes on by itself. */
  | { readonly kind: 'follow'; readonly taskId: string }
  /** The person did not want to answer; the agent still waits. */
  | { readonly kind: 'declined'; readonly taskId: string };

/** What an agent asks; undefined when it asks nothing, or has no page to authorize at. */
export function questionRequest(task: TaskView): Question | undefined {
  const message = questionOf(task);
  if (task.state === 'input-required' && message !== undefined) {
    const schema = schemaIn(task);
    const requestedSchema = schema ?? {
      type: 'object',
      properties: { [KEY]: { type: 'string', title: 'Answer' } },
      required: [KEY],
    };
    return {
      key: KEY,
      kind: schema === undefined ? 'text' : 'form',
      request: elicitation({ mode: 'form', message, requestedSchema }),
    };
  }
  const url = task.state === 'auth-required' ? authorizationUrl(task) : undefined;
  if (url === undefined) return undefined;
  const params = {
    mode: 'url',
    message: message ?? 'The agent needs your authorization.',
    url,
    elicitationId: task.taskId,
  };
  return { key: KEY, kind: 'authorize', request: elicitation(params) };
}

/** What a run asks; undefined when no form can ask for it. */
export function runQuestion({ id, prompt, schema }: RunQuestion): Question | undefined {
  if (!isForm(schema)) return undefined;
  const { type, properties, required } = schema;
  const requestedSchema = { type, properties, ...(required !== undefined && { required }) };
  return { key: id, kind: 'form', request: elicitation({ mode: 'form', message: prompt, requestedSchema }) };
}

/** What an accepted answer says. */
export function answerParts({ kind }: Pick<Question, 'kind'>, answer: JsonObject): Part[] {
  const content = isJsonObject(answer.content) ? answer.content : {};
  if (kind === 'form') return [{ data: content }];
  const said = content[KEY];
  return [{ text: typeof said === 'string' ? said : '' }];
}

/** Asks the person behind the client; undefined when there is no question, or the client cannot ask. */
export function ask(
  request: Request<Principal>,
  taskId: string,
  question: Question | undefined,
): InputRequired | undefined {
  const modes = elicitationModes(request.capabilities.elicitation);
  if (question === undefined || !(question.kind === 'authorize' ? modes.url : modes.form)) return undefined;
  return request.inputRequired(
    { [question.key]: question.request },
    { taskId, kind: question.kind, key: question.key },
  );
}

/** What the client's answer means; undefined on the first round. */
export function resumptionOf({ state, answers }: Request<Principal>): Resumption | undefined {
  if (state === undefined || answers === undefined) return undefined;
  const { kind, key, taskId: id } = state as { kind: Question['kind']; key: string; taskId: string };
  const answer = answers[key];
  if (answer?.action !== 'accept') return { kind: 'declined', taskId: id };
  return kind === 'authorize'
    ? { kind: 'follow', taskId: id }
    : { kind: 'send', taskId: id, key, parts: answerParts({ kind }, answer) };
}

const elicitation = (params: JsonObject): InputRequest => ({ method: 'elicitation/create', params });

/** MCP: an empty `elicitation` capability means forms. */
function elicitationModes(capability: unknown): { form: boolean; url: boolean } {
  if (!isJsonObject(capability)) return { form: false, url: false };
  const url = capability.url !== undefined;
  return { form: capability.form !== undefined || !url, url };
}

/** A schema the agent sent in a data part, when it is one that a form can show. */
function schemaIn({ message = [] }: TaskView): JsonObject | undefined {
  return message
    .map(({ data }) => data)
    .filter(isJsonObject)
    .find(isForm);
}

/** An object of primitive fields. */
const isForm = ({ type, properties }: JsonObject): boolean =>
  type === 'object' &&
  isJsonObject(properties) &&
  Object.values(properties).every((field) => isJsonObject(field) && PRIMITIVES.includes(String(field.type)));
