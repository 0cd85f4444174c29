import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';
import { asAdmin, openSocket, readStream, refusal } from './support/ws-client.js';

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

interface Invocation {
  requestId: string;
  status: string;
  streamUrl: string;
  sessionId?: string;
}

/** A request to an agent, as the admin. */
async function invoke(agentId: string, message: string, more: object = {}): Promise<Invocation> {
  await using client = await openSocket(server.streamUrl, asAdmin);
  return await client.call('invoke_agent', { agentId, input: { message }, ...more });
}

const streamOf = (requestId: string, query = '') => `${server.streamUrl}/stream?requestId=${requestId}${query}`;

async function newKey(): Promise<{ id: string; key: string }> {
  return server.json(201, 'POST', '/api/v1/api-keys', { name: 'websocket' });
}

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
    expect(await wrong.closed).toEqual({ code: 4401, reason: 'The API key is unknown or revoked' });
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
    await expect.poll(() => metric('a2a_websocket_connections')).toBe(0);
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
    await expect.poll(() => metric('a2a_websocket_connections')).toBe(0);
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
    for (let id = 1; id <= 40; id++)
      client.send({ jsonrpc: '2.0', id, method: 'get_status', params: { requestId: crypto.randomUUID() } });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => client.next(({ id }) => id === i + 1)));
    const codes = answers.map(({ error }) => (error as { data: { code: string } }).data.code);
    expect(new Set(codes)).toEqual(new Set(['not_found', 'rate_limited']));
    expect(codes.slice(0, 32)).toEqual(Array.from({ length: 32 }, () => 'not_found'));
  });
});

describe('the eight methods', () => {
  test('list and describe agents', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const { agents: all } = await client.call<{ agents: { id: string }[] }>('list_agents');
    expect(all.map(({ id }) => id)).toEqual(['asker', 'echo', 'flaky', 'long-runner', 'researcher']);
    expect(await client.call('describe_agent', { id: 'researcher' })).toMatchObject({
      id: 'researcher',
      skills: [{ id: 'research', examples: expect.any(Array) }, { id: 'summarize' }],
      streaming: true,
    });
    expect(await client.ask('describe_agent', { id: 'nobody' })).toMatchObject({
      error: { code: -32000, data: { code: 'not_found' }, message: expect.stringContaining('list_agents') },
    });
  });

  test('invoke an agent and tell its status and result', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const invocation = await client.call<Invocation>('invoke_agent', {
      agentId: 'researcher',
      capability: 'summarize',
      input: { message: 'Everything in 100ms' },
    });
    expect(invocation).toMatchObject({
      status: expect.stringMatching(/^(queued|running)$/),
      streamUrl: expect.any(String),
    });
    const { requestId } = invocation;
    await expect.poll(async () => (await client.call('get_status', { requestId }))['status']).toBe('done');
    expect(await client.call('get_status', { requestId })).toMatchObject({
      requestId,
      agentId: 'researcher',
      capability: 'summarize',
      message: 'The report is ready.',
      result: {
        text: expect.stringContaining('# Everything'),
        artifacts: [{ artifactId: 'report' }, { artifactId: 'sources' }],
      },
      lastSeq: expect.any(Number),
      createdAt: expect.any(String),
    });
  });

  test.each(['', '*', 'echo'])('the capability %j is the agent as a whole', async (capability) => {
    expect(await invoke('echo', 'hi', { capability })).toMatchObject({ requestId: expect.any(String) });
  });

  test('an unknown capability names those there are', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    expect(
      await client.ask('invoke_agent', { agentId: 'researcher', capability: 'sing', input: { message: 'la' } }),
    ).toMatchObject({
      error: { data: { code: 'not_found' }, message: expect.stringContaining('research, summarize') },
    });
  });

  test('the same idempotency key is the same request', async () => {
    const idempotencyKey = crypto.randomUUID();
    const [one, two] = await Promise.all([
      invoke('echo', 'once', { idempotencyKey }),
      invoke('echo', 'once', { idempotencyKey }),
    ]);
    expect(one?.requestId).toBe(two?.requestId);
    const { messages } = await agents.ledger('echo');
    expect(messages.filter(({ text }) => text === 'once')).toHaveLength(1);
  });

  test('answer what an agent asks, by the requestId', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const { requestId } = await client.call<Invocation>('invoke_agent', {
      agentId: 'asker',
      input: { message: 'Paint' },
    });
    await expect.poll(async () => (await client.call('get_status', { requestId }))['status']).toBe('input_required');
    expect(await client.call('get_status', { requestId })).toMatchObject({ message: 'Which colour do you want?' });
    const answer = { agentId: 'asker', requestId, input: { message: 'blue' } };
    expect(await client.ask('invoke_agent', { ...answer, agentId: 'echo' })).toMatchObject({
      error: { code: -32602, message: expect.stringContaining('asker') },
    });
    expect(await client.call('invoke_agent', answer)).toMatchObject({ requestId });
    await expect.poll(async () => (await client.call('get_status', { requestId }))['status']).toBe('done');
    expect(await client.call('get_status', { requestId })).toMatchObject({ result: { text: 'You chose: blue' } });
    expect(await client.ask('invoke_agent', answer)).toMatchObject({ error: { data: { code: 'conflict' } } });
  });

  test('cancel reaches the agent and is final', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const before = (await agents.ledger('long-runner')).cancels.length;
    const { requestId } = await client.call<Invocation>('invoke_agent', {
      agentId: 'long-runner',
      input: { message: 'for 60 s' },
    });
    await expect.poll(async () => (await client.call('get_status', { requestId }))['status']).toBe('running');
    expect(await client.call('cancel', { requestId })).toEqual({ requestId, canceled: true, status: 'canceled' });
    expect(await client.call('cancel', { requestId })).toEqual({ requestId, canceled: false, status: 'canceled' });
    expect(await client.call('get_status', { requestId })).toMatchObject({
      status: 'canceled',
      error: { code: 'canceled' },
    });
    await expect.poll(async () => (await agents.ledger('long-runner')).cancels.length).toBe(before + 1);
  });

  test('hand a result and its session to another agent', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const { sessionId } = await client.call<{ sessionId: string }>('open_session');
    const first = await client.call<Invocation>('invoke_agent', {
      agentId: 'researcher',
      input: { message: 'Handed over in 200ms' },
      sessionId,
    });
    const handoff = { fromRequestId: first.requestId, toAgentId: 'echo', payload: { message: 'What do you think?' } };
    expect(await client.ask('handoff', handoff)).toMatchObject({ error: { data: { code: 'conflict' } } });
    const statusOf = async (requestId: string) => client.call('get_status', { requestId });
    await expect.poll(async () => (await statusOf(first.requestId))['status']).toBe('done');
    const second = await client.call<Invocation>('handoff', handoff);
    expect(second).toMatchObject({ sessionId });
    await expect.poll(async () => (await statusOf(second.requestId))['status']).toBe('done');
    const { messages } = await agents.ledger('echo');
    expect(messages.at(-1)?.text).toMatch(/^# Handed over[^]*What do you think\?$/);
    expect(await client.call('close_session', { sessionId })).toEqual({ closed: true });
    expect(await client.call('close_session', { sessionId })).toEqual({ closed: false });
  });
});

describe('/stream', () => {
  test('sends start, chunks and final, numbered, and closes with 1000', async () => {
    const { requestId, streamUrl } = await invoke('researcher', 'Live in 400ms');
    const { frames, code } = await readStream(streamUrl);
    expect(code).toBe(1000);
    expect(frames[0]).toMatchObject({ type: 'start', requestId, seq: 0, agentId: 'researcher' });
    expect(frames.at(-1)).toMatchObject({
      type: 'final',
      requestId,
      status: 'done',
      result: { text: expect.stringContaining('# Live'), artifacts: expect.any(Array) },
    });
    const chunks = frames.slice(1, -1);
    expect(chunks.map(({ seq }) => seq)).toEqual(chunks.map((_, i) => i + 1));
    expect(chunks).toContainEqual(
      expect.objectContaining({
        type: 'chunk',
        kind: 'status',
        status: 'running',
        content: [expect.objectContaining({ text: 'Planning the research' })],
      }),
    );
    expect(chunks).toContainEqual(
      expect.objectContaining({
        type: 'chunk',
        kind: 'artifact',
        append: true,
        artifact: expect.objectContaining({ artifactId: 'report' }),
      }),
    );
    expect(frames.every(({ ts }) => !Number.isNaN(Date.parse(String(ts))))).toBe(true);
  });

  test('goes on after any number, also when the request is over', async () => {
    const { requestId, streamUrl } = await invoke('researcher', 'Resumed in 200ms');
    const whole = (await readStream(streamUrl)).frames.slice(1);
    for (const from of [1, 3, Number(whole.at(-1)?.['seq'])]) {
      const { frames, code } = await readStream(streamOf(requestId, `&from=${from}`), asAdmin);
      expect(code).toBe(1000);
      expect(frames[0]).toMatchObject({ type: 'start', seq: from });
      const missing = whole.filter(({ type, seq }) => type !== 'chunk' || Number(seq) > from);
      expect(frames.slice(1).map(({ type, seq }) => ({ type, seq }))).toEqual(
        missing.map(({ type, seq }) => ({ type, seq })),
      );
    }
    const tooFar = await readStream(streamOf(requestId, '&from=999'), asAdmin);
    expect(tooFar).toMatchObject({ code: 4400, frames: [{ type: 'error', code: 'invalid' }] });
  });

  test('stays open while the agent waits for an answer, and goes on', async () => {
    const { requestId, streamUrl } = await invoke('asker', 'Paint');
    await using stream = await openSocket(streamUrl);
    expect(await stream.next(({ kind, status }) => kind === 'status' && status === 'input_required')).toMatchObject({
      type: 'chunk',
      content: [{ text: 'Which colour do you want?' }],
    });
    await sleep(500);
    await invoke('asker', 'green', { requestId });
    expect(await stream.next(({ type }) => type === 'final')).toMatchObject({ result: { text: 'You chose: green' } });
    expect(await stream.closed).toMatchObject({ code: 1000 });
    const numbers = stream.received.map(({ seq }) => Number(seq));
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  });

  test('tells a failure with its code and message', async () => {
    const { streamUrl } = await invoke('flaky', 'fail');
    const { frames, code } = await readStream(streamUrl);
    expect(code).toBe(1000);
    expect(frames.at(-1)).toMatchObject({
      type: 'error',
      status: 'error',
      code: expect.any(String),
      message: expect.any(String),
    });
  });

  test('does not know unknown requests and those of other people', async () => {
    const { requestId } = await invoke('echo', 'mine');
    const { key } = await newKey();
    const other = { headers: { 'x-api-key': key } };
    for (const id of [requestId, crypto.randomUUID()]) {
      const { frames, code } = await readStream(streamOf(id), other);
      expect(code).toBe(4404);
      expect(frames).toMatchObject([{ type: 'error', requestId: id, code: 'not_found' }]);
    }
    await using client = await openSocket(server.streamUrl, other);
    for (const method of ['get_status', 'cancel', 'subscribe'])
      expect(await client.ask(method, { requestId })).toMatchObject({ error: { data: { code: 'not_found' } } });
  });

  test('asks for credentials, an id and a number', async () => {
    const { requestId } = await invoke('echo', 'guarded');
    expect(await readStream(streamOf(requestId))).toMatchObject({ code: 4401, frames: [] });
    expect(await readStream(`${server.streamUrl}/stream`, asAdmin)).toMatchObject({
      code: 4400,
      reason: expect.stringMatching(/^requestId: /),
    });
    expect(await readStream(streamOf(requestId, '&from=x'), asAdmin)).toMatchObject({
      code: 4400,
      reason: expect.stringMatching(/^from: /),
    });
  });

  test('a ticket opens its own request only, unchanged', async () => {
    const [one, two] = [await invoke('echo', 'one'), await invoke('echo', 'two')];
    const ticket = new URL(one.streamUrl).searchParams.get('ticket') ?? '';
    expect((await readStream(streamOf(one.requestId, `&ticket=${ticket}`))).code).toBe(1000);
    for (const [id, shown] of [
      [two.requestId, ticket],
      [one.requestId, `${ticket.slice(0, -2)}--`],
    ])
      expect(await readStream(streamOf(String(id), `&ticket=${shown}`))).toMatchObject({ code: 4401 });
    await using stream = await openSocket((await invoke('long-runner', 'for 20 s')).streamUrl);
    expect(await stream.ask('list_agents')).toMatchObject({ error: { code: -32601 } });
  });

  test('a revoked key ends what it opened, streams by ticket too', async () => {
    const { id, key } = await newKey();
    const client = await openSocket(server.streamUrl, { headers: { 'x-api-key': key } });
    const { streamUrl } = await client.call<Invocation>('invoke_agent', {
      agentId: 'long-runner',
      input: { message: 'for 60 s' },
    });
    const stream = await openSocket(streamUrl);
    await stream.next(({ type }) => type === 'chunk');
    const revoked = performance.now();
    await server.json(204, 'DELETE', `/api/v1/api-keys/${id}`);
    for (const { closed } of [client, stream]) expect(await closed).toMatchObject({ code: 4401 });
    expect(performance.now() - revoked).toBeLessThan(5_000);
    expect(await readStream(streamUrl)).toMatchObject({ code: 4401, frames: [] });
  });
});

describe('subscriptions', () => {
  test('follow several requests over one connection', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const ids: string[] = [];
    for (const message of ['First in 300ms', 'Second in 300ms']) {
      const { requestId } = await client.call<Invocation>('invoke_agent', {
        agentId: 'researcher',
        input: { message },
      });
      expect(await client.call('subscribe', { requestId })).toMatchObject({ requestId, status: expect.any(String) });
      ids.push(requestId);
    }
    const eventsOf = (id: string) =>
      client.received
        .filter(({ method }) => method === 'event')
        .map(({ params }) => params as { requestId: string; type: string; seq: number })
        .filter(({ requestId }) => requestId === id);
    for (const id of ids) {
      await expect.poll(() => eventsOf(id).at(-1)?.type, { timeout: 5_000 }).toBe('final');
      expect(eventsOf(id)[0]).toMatchObject({ type: 'start', seq: 0 });
      const chunks = eventsOf(id).filter(({ type }) => type === 'chunk');
      expect(chunks.map(({ seq }) => seq)).toEqual(chunks.map((_, i) => i + 1));
    }
    const again = await client.call('subscribe', { requestId: ids[0], from: 2 });
    expect(again).toMatchObject({ status: 'done' });
    await expect.poll(() => eventsOf(String(ids[0])).filter(({ type }) => type === 'final')).toHaveLength(2);
  });

  test('end when asked to, and are not begun twice', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const { requestId } = await client.call<Invocation>('invoke_agent', {
      agentId: 'long-runner',
      input: { message: 'for 2 s' },
    });
    await client.call('subscribe', { requestId });
    expect(await metric('a2a_websocket_streams')).toBeGreaterThan(0);
    expect(await client.ask('subscribe', { requestId })).toMatchObject({ error: { data: { code: 'conflict' } } });
    expect(await client.call('unsubscribe', { requestId })).toEqual({ unsubscribed: true });
    expect(await client.call('unsubscribe', { requestId })).toEqual({ unsubscribed: false });
    const before = client.received.length;
    await sleep(1_200);
    expect(client.received).toHaveLength(before);
  });
});
