import { request } from 'node:http';
import { JSON_HEADERS, modernHeaders, modernMessage } from '../mcp-raw.js';
import type { Random } from '../random.js';
import {
  brokenJson,
  deep,
  garbage,
  garbageObject,
  garbageText,
  notAnObject,
  notAString,
  UNKNOWN_KEY,
  wrongId,
} from './garbage.js';
import { HUGE, type Victims } from './rest.js';
import type { Verdict } from './verdict.js';

/** A stream that stays open has said what it has to say. */
const STREAM_MS = 300;

interface Case {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  /** It is certainly wrong; others may be answered. */
  readonly mustFail?: boolean;
}

/** What a caller may know of others. */
export interface McpVictims extends Victims {
  /** Another principal's, of the legacy era. */
  readonly mcpSession: string;
}

type Make = (random: Random, victims: McpVictims) => Case;

const METHODS = [
  'initialize',
  'ping',
  'tools/list',
  'tools/call',
  'resources/read',
  'resources/list',
  'prompts/get',
  'completion/complete',
  'logging/setLevel',
  'server/discover',
  'tasks/get',
  'tasks/cancel',
  'tasks/update',
  'subscriptions/listen',
  'notifications/cancelled',
  'notifications/initialized',
  'nobody/knows',
  '',
];

/** A call to a tool that certainly cannot be carried out. */
function wrongCall(random: Random, { task, session }: McpVictims): { name: unknown; arguments?: unknown } {
  const id = random.chance(0.5) ? task : wrongId(random);
  const calls: { name: unknown; arguments?: unknown }[] = [
    { name: notAString(random), arguments: {} },
    { name: garbageText(random) },
    { name: 'echo', arguments: notAnObject(random) ?? 5 },
    { name: 'echo', arguments: { message: notAString(random) } },
    { name: 'echo', arguments: { ...garbageObject(random), [UNKNOWN_KEY]: 1 } },
    { name: 'echo', arguments: { message: 'x', task_id: id } },
    { name: 'echo', arguments: { message: 'x', context_id: random.pick([garbageText(random), 'nobody', '\u0000']) } },
    { name: 'get_status', arguments: { requestId: id } },
    { name: 'cancel', arguments: { requestId: id } },
    { name: 'close_session', arguments: { sessionId: random.pick([5, '\u0000', 'x', UNKNOWN_KEY]) } },
    { name: 'describe_agent', arguments: { id: random.pick(['\u0000', 'nobody', 5]) } },
    { name: 'invoke_agent', arguments: { agentId: 'echo', capability: 'echo', input: notAnObject(random) } },
    {
      name: 'invoke_agent',
      arguments: { agentId: 'echo', input: { message: 'x' }, sessionId: random.pick([session, 'x']) },
    },
    {
      name: 'handoff',
      arguments: { fromRequestId: id, toAgentId: 'echo', capability: 'echo', payload: { message: 'x' } },
    },
  ];
  return random.pick(calls);
}

/** In the way of either era. */
function posted(random: Random, method: string, params: unknown): Case {
  const isModern = random.chance(0.5) && typeof params === 'object' && params !== null && !Array.isArray(params);
  if (!isModern) return { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) };
  const message = modernMessage(method, params as Record<string, unknown>);
  const headers = modernHeaders(method, random.chance(0.9) ? (params as Record<string, unknown>) : { name: 'other' });
  return { body: JSON.stringify(message), headers: onlySendable(headers) };
}

const MAKERS: Make[] = [
  (random) => ({ body: brokenJson(random), mustFail: true }),
  (random) => ({ body: JSON.stringify(garbage(random)) ?? '', mustFail: true }),
  (random) => ({ body: random.pick(['[]', deep(500), JSON.stringify({ x: 'x'.repeat(HUGE) })]), mustFail: true }),
  (random) => ({
    body: JSON.stringify({ jsonrpc: '2.0', id: garbage(random), method: garbage(random), params: garbage(random) }),
  }),
  (random) => posted(random, random.pick(METHODS.filter((method) => method !== 'tools/call')), garbage(random)),
  (random, victims) => ({ ...posted(random, 'tools/call', wrongCall(random, victims)), mustFail: true }),
  (random, victims) => ({ ...posted(random, 'tools/call', wrongCall(random, victims)), mustFail: true }),
  (random, { task }) => {
    const method = random.pick(['tasks/get', 'tasks/cancel', 'tasks/update']);
    return {
      ...posted(random, method, {
        taskId: random.chance(0.5) ? task : wrongId(random),
        inputResponses: garbageObject(random),
      }),
      mustFail: true,
    };
  },
  (random, { task }) => {
    const uri = random.pick([
      '',
      'file:///etc/passwd',
      `a2a://tasks/${task}/artifacts/echo`,
      `a2a://task/${task}`,
      'x:\u0000',
    ]);
    return { ...posted(random, 'resources/read', { uri }), mustFail: true };
  },
  /** Somebody else's questions, or nobody's. */
  (random) => {
    const params = {
      name: 'asker',
      arguments: { message: 'x' },
      requestState: garbageText(random) || 'x',
      inputResponses: garbageObject(random),
    };
    return {
      body: JSON.stringify(modernMessage('tools/call', params)),
      headers: modernHeaders('tools/call', params),
      mustFail: true,
    };
  },
  (random, victims) => {
    const calls = Array.from({ length: random.int(1, 5) }, (_, id) => ({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: wrongCall(random, victims),
    }));
    return { body: JSON.stringify([...calls, garbage(random)]), mustFail: true };
  },
  (random, { mcpSession }) => {
    const session = random.pick([mcpSession, mcpSession.slice(1), 'x', 'x'.repeat(5_000)]);
    const headers = {
      'mcp-session-id': session,
      'mcp-protocol-version': random.pick(['2025-06-18', '2099-01-01', 'x']),
    };
    return { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }), headers, mustFail: true };
  },
  (random, { mcpSession }) => ({
    method: random.pick(['GET', 'DELETE', 'PUT', 'PATCH', 'OPTIONS', 'HEAD']),
    headers: { 'mcp-session-id': random.pick([mcpSession, 'x', '']), 'last-event-id': 'x' },
    mustFail: true,
  }),
  (random) => ({
    path: random.pick(['/mcp/nobody', '/mcp/%00', '/mcp//', '/mcp?x=%ff']),
    body: brokenJson(random),
    mustFail: true,
  }),
  (random) => {
    const headers = { authorization: random.pick(['', 'Bearer x', 'Bearer']) };
    return { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }), headers, mustFail: true };
  },
  (random) => {
    const name = random.pick(['content-type', 'accept', 'origin', 'host']);
    const headers = { [name]: random.pick(['x', 'text/plain', 'http://evil.example.com', 'evil.example.com', '*']) };
    return { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }), headers };
  },
];

export async function tryMcp(url: string, key: string, random: Random, victims: McpVictims): Promise<Verdict> {
  const tried = random.pick(MAKERS)(random, victims);
  const { method = 'POST', path = '/mcp', body = '', headers = {} } = tried;
  const what = `${method} ${path} ${JSON.stringify(headers)} ${body}`;
  const { status, text } = await exchange(url, {
    method,
    path,
    body,
    headers: { ...JSON_HEADERS, authorization: `Bearer ${key}`, ...headers },
  });
  return { what, wrong: faultIn(status, text, tried) };
}

interface Answer {
  readonly error?: { readonly code: number; readonly message: string };
  readonly result?: { readonly isError?: boolean };
}

function faultIn(status: number, text: string, { mustFail = false, method }: Case): string {
  const told = `${status} ${text}`;
  if (status >= 500 || status === 0) return told;
  const answers = answersIn(text);
  if (answers.some(({ error }) => error?.code === -32603 || error?.message === '')) return told;
  if (!mustFail || status >= 400 || method === 'HEAD') return '';
  const isAnswered = answers.some(({ error, result }) => error === undefined && result?.isError !== true);
  return isAnswered || answers.length === 0 ? `carried out: ${told}` : '';
}

function answersIn(text: string): Answer[] {
  const events = [...text.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => data);
  const bodies = events.length > 0 ? events : text === '' || text.startsWith(':') ? [] : [text];
  return bodies.flatMap((body) => JSON.parse(body) as Answer | Answer[]);
}

interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly headers: Record<string, string>;
}

function exchange(url: string, { method, path, body, headers }: Outgoing): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const outgoing = request({ hostname, port, path, method, headers }, (incoming) => {
      let text = '';
      let reading: NodeJS.Timeout | undefined;
      const done = () => {
        clearTimeout(reading);
        resolve({ status: incoming.statusCode ?? 0, text });
        incoming.destroy();
      };
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      incoming.once('end', done).once('error', done);
      if (incoming.headers['content-type'] === 'text/event-stream') reading = setTimeout(done, STREAM_MS);
    });
    // Refused by its length, before all of it was sent: the answer may be lost with the connection.
    outgoing.once('error', (error) => (body.length < HUGE ? reject(error) : resolve({ status: 413, text: '' })));
    outgoing.end(method === 'POST' ? body : undefined);
  });
}

/** Node refuses to send other bytes in a header. */
const onlySendable = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([, value]) => /^[\t\x20-\x7e]*$/.test(value)));
