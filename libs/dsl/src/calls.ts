import { isJsonObject } from '@app/core';
import { type Check, flag, listOf, oneOfWords, refuse, shape, text } from './checks.js';
import { data, dataObject, durationOf, expressionOrObject, membersOf, orExpression, passing, textMap } from './data.js';
import { endpoint, resource } from './endpoints.js';
import { keywordRow } from './keywords.js';
import { LIMITS } from './limits.js';
import { form } from './form.js';
import type { Place } from './place.js';
import { didYouMean, either, quoted } from './problems.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const httpMethod: Check = (value, place) =>
  oneOfWords(METHODS)(typeof value === 'string' ? value.toUpperCase() : value, place);

const http = shape({
  keyword: 'call.http',
  what: 'the "with" of an HTTP call',
  fields: {
    method: httpMethod,
    endpoint,
    headers: textMap,
    query: textMap,
    body: data,
    output: oneOfWords(['raw', 'content', 'response']),
    redirect: flag,
  },
  required: ['method', 'endpoint'],
});

/** A2A 0.3 names; DSL 1.0.3, "A2A Call". */
const A2A_METHODS = [
  'message/send',
  'message/stream',
  'tasks/get',
  'tasks/list',
  'tasks/cancel',
  'tasks/resubscribe',
  'tasks/pushNotificationConfig/set',
  'tasks/pushNotificationConfig/get',
  'tasks/pushNotificationConfig/list',
  'tasks/pushNotificationConfig/delete',
  'agent/getAuthenticatedExtendedCard',
];
/** A2A 1.0 calls the same methods by other names; the DSL does not know them yet. */
const NEW_NAMES: Readonly<Record<string, string>> = {
  SendMessage: 'message/send',
  SendStreamingMessage: 'message/stream',
  GetTask: 'tasks/get',
  ListTasks: 'tasks/list',
  CancelTask: 'tasks/cancel',
  SubscribeToTask: 'tasks/resubscribe',
};
const a2aMethod: Check = (value, place) => {
  const old = typeof value === 'string' && Object.hasOwn(NEW_NAMES, value) ? NEW_NAMES[value] : undefined;
  if (old === undefined) return oneOfWords(A2A_METHODS)(value, place);
  place.problem(
    `The DSL calls the method "${String(value)}" by its name in A2A 0.3.`,
    `Write "${old}"; it reaches agents of A2A 1.0 as well.`,
  );
};
const parameters: Check = (value, place) => {
  if (isJsonObject(value) && Object.keys(value).length === 0) return place.expected('parameters', value);
  expressionOrObject(value, place);
};
const a2aShape = shape({
  keyword: 'call.a2a',
  what: 'the "with" of an A2A call',
  fields: { method: a2aMethod, server: endpoint, agentCard: resource, parameters },
  required: ['method'],
});
const a2a: Check = (value, place) => {
  a2aShape(value, place);
  if (isJsonObject(value) && value.server === undefined && value.agentCard === undefined)
    place.problem('The "with" of an A2A call needs "server" or "agentCard".');
};

const MCP_METHODS = [
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/read',
  'resources/templates/list',
];
const transport = shape({
  keyword: 'call.mcp.transport',
  what: 'a transport',
  fields: {
    http: shape({
      keyword: 'call.mcp.transport.http',
      what: 'an HTTP transport',
      fields: { endpoint, headers: textsOnly },
      required: ['endpoint'],
    }),
  },
  oneOf: ['http', 'stdio'],
});
function textsOnly(value: unknown, place: Place): void {
  if (isJsonObject(value)) textMap(value, place);
  else place.expected('an object of texts', value);
}
const mcp = shape({
  keyword: 'call.mcp',
  what: 'the "with" of an MCP call',
  fields: {
    protocolVersion: text('a version of MCP, such as "2025-06-18"', { pattern: /^\d{4}-\d\d-\d\d$/ }),
    method: oneOfWords(MCP_METHODS),
    parameters: expressionOrObject,
    timeout: durationOf({ leastMs: 1 }),
    transport,
    client: shape({
      keyword: 'call.mcp.client',
      what: 'an MCP client',
      fields: { name: text(), version: text(), description: text() },
      required: ['name', 'version'],
    }),
  },
  required: ['method', 'transport'],
});

const SLUG = /^[a-z0-9-]{1,36}$/;
const agentShape = shape({
  keyword: 'call.agent',
  what: 'the "with" of an agent call',
  fields: {
    agent: orExpression(text('the slug of a registered agent', { pattern: SLUG })),
    skill: orExpression(text('the id of a skill', { max: 200 })),
    message: (value, place) => (typeof value === 'string' ? data(value, place) : text()(value, place)),
    parts: (value, place) =>
      typeof value === 'string'
        ? orExpression(noParts)(value, place)
        : listOf(part, { what: 'message parts', most: 100 })(value, place),
    data,
  },
  required: ['agent'],
  oneOf: ['message', 'parts'],
});
const noParts: Check = (value, place) => place.expected('a list of message parts', value);
function part(value: unknown, place: Place): void {
  dataObject(value, place);
}
const agent: Check = (value, place) => {
  agentShape(value, place);
  const { agent: slug, skill } = membersOf(value);
  if (typeof slug !== 'string' || !SLUG.test(slug)) return;
  const literal = typeof skill === 'string' && !skill.includes('${');
  place.findings.agents.push({ path: place.path, agent: slug, ...(literal && { skill }) });
};

const names = listOf(text(), { what: 'names', most: 100 });
const human = shape({
  keyword: 'call.human',
  what: 'the "with" of a question to a person',
  fields: {
    prompt: orExpression(text('text', { max: LIMITS.promptLength })),
    schema: form,
    assignees: shape({
      keyword: 'call.human.assignees',
      what: 'assignees',
      fields: { principals: names, roles: names, groups: names },
    }),
    timeout: durationOf({ leastMs: 1 }),
  },
  required: ['prompt'],
});

const BUILT_IN: Readonly<Record<string, Check>> = {
  http: passing(http),
  a2a: passing(a2a),
  mcp: passing(mcp),
  agent,
  human,
};
const REFUSED = ['asyncapi', 'grpc', 'openapi'];

/** Names that no function of `use.functions` may take. */
export const RESERVED_CALLS: readonly string[] = [...Object.keys(BUILT_IN), ...REFUSED];

/** What is called: one of the built-in calls, or a function of `use.functions`. */
export const callName: Check = (value, place) => {
  if (typeof value !== 'string' || value.trim() === '') return place.expected('what to call', value);
  if (REFUSED.includes(value)) return refuse(`call.${value}`, place);
  if (Object.hasOwn(BUILT_IN, value)) return void place.findings.keywords.add(`call.${value}`);
  const functions = place.findings.declared.functions;
  if (functions.includes(value)) return void place.findings.keywords.add('call.function');
  if (/[@/]/.test(value)) return refuse('call.function of a catalog', place);
  const known = [...Object.keys(BUILT_IN), ...functions];
  place.problem(
    `${quoted(value)} is neither a built-in call nor declared in "use.functions"; expected ${either(known)}.`,
    didYouMean(value, known),
  );
};

/** The arguments of what is called. */
export const argumentsOf = (called: unknown): Check => {
  if (typeof called !== 'string') return () => undefined;
  // What is called is refused already: its arguments need no words of their own.
  if (REFUSED.includes(called) || keywordRow(`call.${called}`)?.test === undefined) return dataObject;
  return BUILT_IN[called] ?? dataObject;
};

/** Built-in calls do nothing without arguments. */
export const needsArguments = (called: unknown): boolean =>
  typeof called === 'string' && Object.hasOwn(BUILT_IN, called);
