import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';
import { asAdmin, openSocket, refusal } from './support/ws-client.js';

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  for (const name of ['echo', 'researcher', 'long-runner', 'asker', 'flaky'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

const METHODS = [
  'list_agents',
  'describe_agent',
  'open_session',
  'close_session',
  'invoke_agent',
  'handoff',
  'cancel',
  'get_status',
  'authenticate',
  'subscribe',
  'unsubscribe',
  'ping',
];

describe('a connection', () => {
  test('needs nothing to open, is greeted and stays up', async () => {
    await using client = await openSocket(server.streamUrl);
    expect(await client.next(() => true)).toEqual({
      type: 'hello',
      service: 'a2a-mcp-server',
      version: expect.any(String),
      authenticated: false,
      methods: METHODS,
    });
    await sleep(1_500);
    expect(await client.call('ping')).toEqual({ ts: expect.any(String) });
  });

  test.each<[string, object]>([
    ['Authorization', asAdmin],
    ['X-API-Key', { headers: { 'x-api-key': ADMIN_KEY } }],
    ['a subprotocol', { protocols: ['a2a.v1', `a2a.key.${ADMIN_KEY}`] }],
  ])('is authenticated by %s', async (_, options) => {
    await using client = await openSocket(server.streamUrl, options);
    expect(await client.next(() => true)).toMatchObject({ type: 'hello', authenticated: true });
    expect(client.socket.protocol).toBe('protocols' in options ? 'a2a.v1' : '');
    expect(await client.call('list_agents', { search: 'echo' })).toMatchObject({ agents: [{ id: 'echo' }] });
  });

  test('is authenticated by a first message, once', async () => {
    await using client = await openSocket(server.streamUrl);
    expect(await client.ask('list_agents')).toMatchObject({
      error: { code: -32000, message: expect.stringContaining('authenticate'), data: { code: 'unauthenticated' } },
    });
    expect(await client.call('authenticate', { key: ADMIN_KEY })).toEqual({ authenticated: true, principal: 'admin' });
    expect(await client.call('list_agents')).toMatchObject({ agents: expect.any(Array) });
    expect(await client.ask('authenticate', { key: ADMIN_KEY })).toMatchObject({
      error: { data: { code: 'conflict' } },
    });
  });

  test('ends with 4401 for a wrong key, and after three wrong ones in messages', async () => {
    const wrong = await openSocket(server.streamUrl, { headers: { 'x-api-key': 'wrong' } });
    expect(await wrong.closed).toEqual({ code: 4401, reason: 'The API key is unknown, expired or revoked' });
    const guessing = await openSocket(server.streamUrl);
    for (const key of ['a', 'b'])
      expect(await guessing.ask('authenticate', { key })).toMatchObject({
        error: { data: { code: 'unauthenticated' } },
      });
    guessing.send({ jsonrpc: '2.0', id: 'c', method: 'authenticate', params: { key: 'c' } });
    expect(await guessing.closed).toEqual({ code: 4401, reason: '3 wrong API keys' });
  });

  test.each(['key', 'token', 'api_key', 'access_token'])('never takes a key from the URL (%s)', async (name) => {
    const client = await openSocket(`${server.streamUrl}/?${name}=${ADMIN_KEY}`);
    expect(await client.closed).toEqual({
      code: 4400,
      reason: expect.stringContaining(`${name}: a key does not belong`),
    });
    expect(JSON.stringify(server.logs)).not.toContain(ADMIN_KEY);
  });

  test('is refused from pages and under names that are not served here, and on other paths', async () => {
    for (const [name, value] of [
      ['host', 'evil.example.com'],
      ['origin', 'https://evil.example.com'],
    ] as const)
      expect(await refusal(server.streamUrl, { headers: { [name]: value } })).toMatchObject({
        status: 403,
        body: expect.stringContaining('ALLOWED_HOSTS'),
      });
    expect(await refusal(`${server.streamUrl}/other`)).toMatchObject({ status: 404 });
    expect((await fetch(server.streamUrl.replace('ws', 'http'))).status).toBe(426);
    const fromHere = await openSocket(server.streamUrl, { origin: 'http://localhost:3000' });
    await fromHere.close();
  });

  test('is logged and counted, and so is its end', async () => {
    await expect.poll(() => metric('a2a_websocket_connections'), { timeout: 10_000 }).toBe(0);
    const client = await openSocket(server.streamUrl, asAdmin);
    await client.next(() => true);
    expect(await metric('a2a_websocket_connections')).toBe(1);
    const { connection } = await server.waitForLog(
      ({ message, principal }) => message === 'WebSocket connected' && principal === 'admin',
    );
    expect(connection).toMatch(/^[0-9a-f]{8}$/);
    client.socket.close(1000, 'enough');
    expect(
      await server.waitForLog(({ message, reason }) => message === 'WebSocket disconnected' && reason === 'enough'),
    ).toMatchObject({ level: 'INFO', code: 1000, principal: 'admin', seconds: expect.any(Number) });
    await expect.poll(() => metric('a2a_websocket_connections'), { timeout: 10_000 }).toBe(0);
    expect(await metric('a2a_websocket_closed_total{reason="client"}')).toBeGreaterThan(0);
    expect(await metric('a2a_websocket_closed_total{reason="restart"}')).toBe(0);
    expect(await metric('a2a_websocket_messages_total{direction="out"}')).toBeGreaterThan(0);
  });
});

async function metric(series: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length));
}

describe('JSON-RPC', () => {
  test.each<[string, unknown, object]>([
    ['no JSON', '{"jsonrpc": ', { id: null, error: { code: -32700 } }],
    ['no object', '7', { id: null, error: { code: -32600 } }],
    [
      'another version',
      { jsonrpc: '1.0', id: 1, method: 'ping' },
      { id: 1, error: { code: -32600, message: expect.stringContaining('jsonrpc') } },
    ],
    [
      'no method',
      { jsonrpc: '2.0', id: 1 },
      { id: 1, error: { code: -32600, message: expect.stringContaining('method') } },
    ],
    ['an id that is none', { jsonrpc: '2.0', id: {}, method: 'ping' }, { id: null, error: { code: -32600 } }],
    ['an unknown method', { jsonrpc: '2.0', id: 1, method: 'constructor' }, { id: 1, error: { code: -32601 } }],
    ['positional params', { jsonrpc: '2.0', id: 1, method: 'ping', params: [] }, { id: 1, error: { code: -32602 } }],
    [
      'nested too deeply',
      `{"jsonrpc":"2.0","id":1,"method":"ping","params":${'{"a":'.repeat(70)}1${'}'.repeat(70)}}`,
      { error: { code: -32600 } },
    ],
    ['an empty batch', [], { id: null, error: { code: -32600 } }],
    [
      'a long batch',
      Array.from({ length: 17 }, () => ({ jsonrpc: '2.0', id: 1, method: 'ping' })),
      { error: { code: -32600, message: expect.stringContaining('16') } },
    ],
  ])('%s is told precisely, and the connection stays', async (_, message, answer) => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    client.send(message);
    expect(await client.next(({ error }) => error !== undefined)).toMatchObject({ jsonrpc: '2.0', ...answer });
    expect(await client.call('ping')).toBeDefined();
  });

  test.each<[string, object, string]>([
    ['describe_agent', {}, 'id: '],
    ['list_agents', { nam: 'echo' }, '"nam"'],
    ['invoke_agent', { agentId: 'echo', input: {} }, 'input: expected message, data or files'],
    ['invoke_agent', { agentId: 'echo', input: { message: 7 } }, 'input.message: '],
    ['invoke_agent', { agentId: 'echo', input: { message: 'x' }, idempotencyKey: '' }, 'idempotencyKey: '],
    ['get_status', { requestId: '17' }, 'requestId: '],
    ['subscribe', { requestId: crypto.randomUUID(), from: -1 }, 'from: '],
    ['authenticate', { token: 'x' }, 'key: '],
  ])('%s with %j names the field', async (method, params, problem) => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    expect(await client.ask(method, params)).toMatchObject({
      error: { code: -32602, message: expect.stringContaining(problem), data: { code: 'invalid' } },
    });
  });

  test('a batch is answered as a batch, a notification not at all', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    await client.next(({ type }) => type === 'hello');
    client.send([
      { jsonrpc: '2.0', id: 'a', method: 'ping' },
      { jsonrpc: '2.0', method: 'ping' },
      { jsonrpc: '2.0', id: 'b', method: 'nothing' },
      'x',
    ]);
    expect(await client.next((message) => Array.isArray(message))).toMatchObject([
      { id: 'a', result: {} },
      { id: 'b', error: { code: -32601 } },
      { id: null, error: { code: -32600 } },
    ]);
    client.send({ jsonrpc: '2.0', method: 'ping' });
    client.send([{ jsonrpc: '2.0', method: 'ping' }]);
    await client.call('ping');
    expect(client.received).toHaveLength(3);
  });

  test('binary and oversized messages end the connection with their codes', async () => {
    const binary = await openSocket(server.streamUrl, asAdmin);
    binary.socket.send(Buffer.from('{}'));
    expect(await binary.closed).toEqual({ code: 1003, reason: expect.stringContaining('binary') });
    const large = await openSocket(server.streamUrl, asAdmin);
    large.send('x'.repeat((1 << 20) + 1));
    expect(await large.closed).toMatchObject({ code: 1009 });
    await server.waitForLog(({ code, reason }) => code === 1009 && reason === 'a message has more than 1048576 bytes');
  });

  test('at most 32 requests are answered at the same time', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    for (let id = 1; id <= 200; id++)
      client.send({ jsonrpc: '2.0', id, method: 'get_status', params: { requestId: crypto.randomUUID() } });
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => client.next(({ id }) => id === i + 1)));
    const codes = answers.map(({ error }) => (error as { data: { code: string } }).data.code);
    expect(new Set(codes)).toEqual(new Set(['not_found', 'rate_limited']));
    expect(codes.slice(0, 32)).toEqual(Array.from({ length: 32 }, () => 'not_found'));
  });
});
