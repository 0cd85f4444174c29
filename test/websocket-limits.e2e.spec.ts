import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { sendStream, startRpcStub } from './support/stub-agent.js';
import { startServer, type TestServer } from './support/server.js';
import { asAdmin, openSocket, type WsClient } from './support/ws-client.js';

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

const MAX_CONNECTIONS = 1_000;

async function many(count: number, open: () => Promise<WsClient>): Promise<WsClient[]> {
  const clients: WsClient[] = [];
  while (clients.length < count)
    clients.push(...(await Promise.all(Array.from({ length: Math.min(100, count - clients.length) }, open))));
  await Promise.all(clients.map(({ next }) => next(({ type }) => type === 'hello')));
  return clients;
}

test.each([
  ['of one principal', asAdmin, 'more than 1000 connections of this principal'],
  ['of strangers', {}, 'more than 1000 connections without authentication'],
])(
  '1,000 connections %s are fine, another one is refused, and one that ends makes room',
  async (_, options, reason) => {
    const clients = await many(MAX_CONNECTIONS, () => openSocket(server.streamUrl, options));
    const refused = await openSocket(server.streamUrl, options);
    expect(await refused.closed).toEqual({ code: 4429, reason });
    expect(
      await server.waitForLog((line) => line.message === 'WebSocket refused' && line['reason'] === reason),
    ).toMatchObject({
      level: 'WARN',
    });
    await clients.pop()?.close();
    await expect.poll(() => metric('a2a_websocket_connections'), { timeout: 10_000 }).toBe(MAX_CONNECTIONS - 1);
    clients.push(...(await many(1, () => openSocket(server.streamUrl, options))));
    await Promise.all(clients.map(({ close }) => close()));
    await expect.poll(() => metric('a2a_websocket_connections'), { timeout: 10_000 }).toBe(0);
  },
);

async function metric(series: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length));
}

/** A finished request whose result fills a socket. */
async function largeRequest(client: WsClient): Promise<string> {
  const input = { message: 'x'.repeat(900_000) };
  const { requestId } = await client.call<{ requestId: string }>('invoke_agent', { agentId: 'echo', input });
  await expect
    .poll(async () => (await client.call('get_status', { requestId }))['status'], { timeout: 10_000 })
    .toBe('done');
  return requestId;
}

test('a stream goes no faster than its client reads, and misses nothing', async () => {
  const pieces = 300;
  await using agent = await startFlood(pieces, 100_000);
  await server.json(201, 'POST', '/api/v1/agents', { slug: 'flood', card: agent.card });
  await using client = await openSocket(server.streamUrl, asAdmin);
  const input = { message: 'go' };
  const { requestId } = await client.call<{ requestId: string }>('invoke_agent', { agentId: 'flood', input });
  await expect
    .poll(async () => (await client.call('get_status', { requestId }))['status'], { timeout: 30_000 })
    .toBe('done');

  const before = await metric('a2a_websocket_messages_total{direction="out"}');
  await using stream = await openSocket(`${server.streamUrl}/stream?requestId=${requestId}`, asAdmin);
  stream.socket.pause();
  await sleep(2_000);
  const sent = (await metric('a2a_websocket_messages_total{direction="out"}')) - before;
  expect(sent).toBeLessThan(pieces / 2);
  stream.socket.resume();
  expect(await stream.closed).toMatchObject({ code: 1000 });
  const chunks = stream.received.filter(({ kind }) => kind === 'artifact');
  expect(chunks.map(({ content }) => (content as { text: string }[])[0]?.text.slice(0, 4))).toEqual(
    Array.from({ length: pieces }, (_, i) => String(i).padStart(4, '0')),
  );
});

/** An agent (A2A 0.3) that says very much at once. */
async function startFlood(pieces: number, length: number) {
  const told = { taskId: 'flood', contextId: 'flood' };
  const artifact = (i: number) => ({
    kind: 'artifact-update',
    ...told,
    artifact: { artifactId: 'flood', parts: [{ kind: 'text', text: String(i).padStart(4, '0').padEnd(length, '.') }] },
  });
  const end = { kind: 'status-update', ...told, status: { state: 'completed' }, final: true };
  const events = [...Array.from({ length: pieces }, (_, i) => artifact(i)), end];
  const stub = await startRpcStub({ 'message/stream': (response) => sendStream(response, events) });
  const modes = { defaultInputModes: ['text/plain'], defaultOutputModes: ['text/plain'] };
  const about = { name: 'Flood', description: 'Says much.', version: '1', protocolVersion: '0.3.0', skills: [] };
  const card = { ...about, ...modes, url: stub.url, capabilities: { streaming: true } };
  return { card, [Symbol.asyncDispose]: () => stub.close() };
}

test('a client that asks faster than it reads is not listened to, and misses nothing', async () => {
  await using client = await openSocket(server.streamUrl, asAdmin);
  const requestId = await largeRequest(client);
  client.socket.pause();
  for (let id = 1; id <= 100; id++) client.send({ jsonrpc: '2.0', id, method: 'get_status', params: { requestId } });
  await sleep(3_000);
  client.socket.resume();
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      client.next<{ result?: object; error?: object }>(({ id }) => id === i + 1, 20_000),
    ),
  );
  expect(answers.filter(({ result, error }) => (result ?? error) !== undefined)).toHaveLength(100);
  expect(await client.call('ping')).toBeDefined();
});

test(
  'a client that takes nothing for 30 seconds is ended, and costs little memory meanwhile',
  { timeout: 60_000 },
  async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const requestId = await largeRequest(client);
    const before = await metric('process_resident_memory_bytes');
    client.socket.pause();
    const ask = (id: number) => client.send({ jsonrpc: '2.0', id, method: 'get_status', params: { requestId } });
    for (let id = 1; id <= 32; id++) ask(id);
    const incoming = () => metric('a2a_websocket_messages_total{direction="in"}');
    let heard = -1;
    // Until it reads no more.
    while (heard !== (await incoming())) {
      heard = await incoming();
      await sleep(2_000);
    }
    // What the server does not read stays with the client.
    for (let id = 33; id <= 1_000; id++) ask(id);
    await sleep(15_000);
    expect(await incoming()).toBe(heard);
    expect((await metric('process_resident_memory_bytes')) - before).toBeLessThan(150e6);
    const line = await server.waitForLog(
      ({ message, code }) => message === 'WebSocket disconnected' && code === 4408,
      30_000,
    );
    expect(line).toMatchObject({ reason: 'too slow: more than 1048576 bytes unread for 30 s', principal: 'admin' });
    expect(await metric('a2a_websocket_closed_total{reason="slow"}')).toBe(1);
  },
);
