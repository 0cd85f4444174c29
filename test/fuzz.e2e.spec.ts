import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { rows } from './support/database.js';
import { type McpVictims, tryMcp } from './support/fuzz/mcp.js';
import { tryRest } from './support/fuzz/rest.js';
import { ROUTES } from './support/fuzz/rest-routes.js';
import { play } from './support/fuzz/verdict.js';
import { tryWebSocket } from './support/fuzz/websocket.js';
import { legacy } from './support/mcp-raw.js';
import { Random } from './support/random.js';
import { startServer, type TestServer } from './support/server.js';

const SEED = process.env.FUZZ_SEED === undefined ? randomInt(2 ** 32) : Number(process.env.FUZZ_SEED);
const CASES = Number(process.env.FUZZ_CASES ?? 600);
/** Of what the process holds, after thousands of wrong requests. */
const MAX_GROWTH_MIB = 150;
/** Rows that come and go by themselves: heartbeats, messages between replicas, and what is recorded of each refusal. */
const RESTLESS = ['executors', 'relayed_messages', 'audit_pending', 'audit_log', 'audit_anchors'];

let server: TestServer;
let agents: TestAgents;
let key: string;
let victims: McpVictims;
beforeAll(async () => {
  console.info(`Again: FUZZ_SEED=${SEED} FUZZ_CASES=${CASES} npx vitest run test/fuzz.e2e.spec.ts`);
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  for (const name of ['echo', 'asker']) await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
  const newKey = (name: string) =>
    server.json<{ key: string }>(201, 'POST', '/api/v1/api-keys', { name, roles: ['admin'] });
  ({ key } = await newKey('mallory'));
  victims = await whatBelongsTo((await newKey('alice')).key);
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

test.each([
  ['REST', tryRest],
  ['MCP', tryMcp],
  ['the WebSocket', tryWebSocket],
])('%s refuses whatever is wrong, precisely, and changes nothing', async (door, attempt) => {
  const url = door === 'the WebSocket' ? server.streamUrl : server.url;
  const before = await contents();
  const random = new Random(SEED);
  const randoms = Array.from({ length: CASES }, () => random.fork());
  const one = (n: number) => attempt(url, key, randoms[n] ?? random, victims);
  await play(50, one);
  const size = residentMiB();
  const logged = server.logs.length;

  expect(await play(CASES, one)).toEqual([]);

  expect(await contents()).toEqual(before);
  expect(server.logs.slice(logged).filter(({ level }) => level === 'ERROR')).toEqual([]);
  expect(residentMiB() - size).toBeLessThan(MAX_GROWTH_MIB);
  const client = await server.mcp();
  expect(await client.callTool({ name: 'echo', arguments: { message: 'still here' } })).toMatchObject({
    content: [{ text: 'still here' }],
  });
  await client.close();
});

test.each([
  ['NUL in words', 'agents?q=%00', 400, 'q: must not contain NUL'],
  ['NUL in a page token', 'agents?page_token=AA', 400, 'page_token: expected the nextPageToken of an earlier page'],
  ['an address that is none', 'agents/%ff', 400, "'/api/v1/agents/%ff' is not a valid url component"],
  ['a name without end', `agents/${'a'.repeat(3_000)}`, 414, expect.stringContaining('exceeding')],
])('found by fuzzing: %s is told in a problem document', async (_, path, status, detail) => {
  const response = await server.call('GET', `/api/v1/${path}`);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(await response.json()).toMatchObject({ status, code: 'invalid', detail });
});

test('no REST route is left out', async () => {
  const { paths } = await server.json<{ paths: Record<string, object> }>(200, 'GET', '/api/openapi.json');
  const known = new Set(ROUTES.map((route) => route.replaceAll(/:\w+|echo/g, '*').toLowerCase()));
  const routes = Object.entries(paths)
    .filter(([path]) => path.startsWith('/api/v1/'))
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path.replaceAll(/\{\w+\}/g, '*')}`),
    );
  expect(routes.filter((route) => !known.has(route))).toEqual([]);
});

/** A task, a session and an MCP session of somebody. */
async function whatBelongsTo(owner: string): Promise<McpVictims> {
  const post = async (path: string, body: object): Promise<Record<string, string>> => {
    const headers = { authorization: `Bearer ${owner}`, prefer: 'wait=10' };
    const response = await server.call('POST', path, body, headers);
    return (await response.json()) as Record<string, string>;
  };
  const { taskId: task = '' } = await post('/api/v1/tasks', { agent: 'asker', message: 'x' });
  const { sessionId: session = '' } = await post('/api/v1/sessions', {});
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } };
  const authorization = { authorization: `Bearer ${owner}` };
  const { headers } = await legacy(`${server.url}/mcp`, 'initialize', params, authorization);
  return { task, session, mcpSession: String(headers['mcp-session-id']) };
}

/** What is in each table, in one number; when a key was last used is no change. */
async function contents(): Promise<Record<string, unknown>> {
  const tables = await rows(server.databaseUrl, `select tablename as name from pg_tables where schemaname = 'public'`);
  const names = tables.map(({ name }) => String(name)).filter((name) => !RESTLESS.includes(name));
  const hash = (name: string) =>
    `(select md5(coalesce(string_agg(row::text, ',' order by row::text), ''))
        from (select to_jsonb(t) - 'last_used_at' as row from ${name} t) rows) as ${name}`;
  const [found] = await rows(server.databaseUrl, `select ${names.map(hash).join()}`);
  return found ?? {};
}

function residentMiB(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1_024;
}
