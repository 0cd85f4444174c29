import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { startServer, type TestServer } from './support/server.js';
import { asAdmin, openSocket, readStream } from './support/ws-client.js';

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
  return server.json(201, 'POST', '/api/v1/api-keys', { name: 'websocket', roles: ['operator'] });
}

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
      await expect.poll(() => eventsOf(id).at(-1)?.type, { timeout: 15_000 }).toBe('final');
      expect(eventsOf(id)[0]).toMatchObject({ type: 'start', seq: 0 });
      const chunks = eventsOf(id).filter(({ type }) => type === 'chunk');
      expect(chunks.map(({ seq }) => seq)).toEqual(chunks.map((_, i) => i + 1));
    }
    const again = await client.call('subscribe', { requestId: ids[0], from: 2 });
    expect(again).toMatchObject({ status: 'done' });
    await expect
      .poll(() => eventsOf(String(ids[0])).filter(({ type }) => type === 'final'), { timeout: 10_000 })
      .toHaveLength(2);
  });

  test('end when asked to, and are not begun twice', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const { requestId } = await client.call<Invocation>('invoke_agent', {
      agentId: 'long-runner',
      input: { message: 'for 4 s' },
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

async function metric(series: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length));
}
