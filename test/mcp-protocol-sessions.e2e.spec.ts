import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './support/mcp-fixture.js';
import { text, tool } from './support/mcp-fixture-tools.js';
import { initialize, legacy, openGet, openPost, post, send } from './support/mcp-raw.js';

let fixture: Fixture;
let url: string;
beforeEach(async () => {
  fixture = await startFixture({ replicas: 2, limits: { questionTimeoutMs: 10_000, subscriptionsPerSession: 2 } });
  ({ url } = fixture);
});
afterEach(() => fixture[Symbol.asyncDispose]());

const BOB = { 'x-principal': 'bob' };
const ASKABLE = { elicitation: {} };
const callTool = (name: string, args = {}) => ({
  jsonrpc: '2.0',
  id: 7,
  method: 'tools/call',
  params: { name, arguments: args },
});
const streams = () => fixture.replicas.reduce((sum, replica) => sum + replica.stats().openStreams, 0);

test.each(['2026-07-28', '1999-01-01'])('initialize asking for %s is answered with 2025-11-25', async (version) => {
  const params = { protocolVersion: version, capabilities: {}, clientInfo: { name: 'raw', version: '1' } };
  const { result } = await legacy(url, 'initialize', params, { 'mcp-protocol-version': version });
  expect(result).toMatchObject({ protocolVersion: '2025-11-25', serverInfo: { name: 'fixture' } });
});

test.each([
  ['protocolVersion', { capabilities: {}, clientInfo: {} }],
  ['capabilities', { protocolVersion: '2025-11-25', clientInfo: {} }],
  ['clientInfo', { protocolVersion: '2025-11-25', capabilities: {} }],
])('initialize without %s is refused by name', async (field, params) => {
  expect((await legacy(url, 'initialize', params)).error).toMatchObject({
    code: -32602,
    message: expect.stringContaining(field),
  });
});

describe('a session id is no credential', () => {
  test('POST, GET and DELETE with the session of another principal find nothing', async () => {
    const session = await initialize(url);
    for (const method of ['POST', 'GET', 'DELETE']) {
      const body = method === 'POST' ? JSON.stringify(callTool('echo', { q: 'x' })) : '';
      expect(await send(url, method, body, { ...session, ...BOB })).toMatchObject({
        status: 404,
        error: { code: -32001 },
      });
    }
    expect(await post(url, callTool('echo', { q: 'mine' }), session)).toMatchObject({ result: text('mine') });
  });

  test('an altered or invented one finds nothing', async () => {
    const session = await initialize(url);
    const id = String(session['mcp-session-id']);
    for (const forged of ['invented', `${id.slice(0, -2)}AA`, `${id}x`]) {
      expect((await legacy(url, 'ping', {}, { ...session, 'mcp-session-id': forged })).status).toBe(404);
    }
  });

  test('one that has expired finds nothing, even where it was known', async () => {
    await using brief = await startFixture({ limits: { sessionTtlMs: 1_500 } });
    const session = await initialize(brief.url);
    expect((await legacy(brief.url, 'ping', {}, session)).status).toBe(200);
    const status = async () => (await legacy(brief.url, 'ping', {}, session)).status;
    await expect.poll(status, { timeout: 10_000 }).toBe(404);
  });
});

describe('DELETE', () => {
  test('ends the session and its stream', async () => {
    await using single = await startFixture();
    const session = await initialize(single.url);
    const open = await openGet(single.url, session);
    expect((await send(single.url, 'DELETE', '', session)).status).toBe(200);
    await expect.poll(() => open.isOver).toBe(true);
    expect((await legacy(single.url, 'ping', {}, session)).status).toBe(404);
    expect(single.mcp.stats()).toMatchObject({ openStreams: 0, revokedSessions: 1 });
  });

  test('is remembered for a bounded number of sessions, and no longer than they live', async () => {
    await using single = await startFixture({ limits: { revokedSessions: 3, sessionTtlMs: 2_000 } });
    const deleteOne = async () => send(single.url, 'DELETE', '', await initialize(single.url));
    for (let count = 0; count < 5; count++) await deleteOne();
    expect(single.mcp.stats().revokedSessions).toBe(3);
    await sleep(2_050);
    await deleteOne();
    expect(single.mcp.stats().revokedSessions).toBe(1);
  });
});

describe('an answer to a question', () => {
  const ask = async () => {
    const session = await initialize(url, ASKABLE);
    const open = await openPost(url, callTool('test_elicitation', { message: 'Colour?' }), session);
    await expect.poll(() => open.messages.length).toBe(1);
    const answer = {
      jsonrpc: '2.0',
      id: open.messages[0]?.id,
      result: { action: 'accept', content: { response: 'mine' } },
    };
    return { session, open, answer };
  };

  test('counts only from the principal and the session that were asked', async () => {
    const { session, open, answer } = await ask();
    const forged = { ...answer, result: { action: 'accept', content: { response: 'forged' } } };
    await post(url, forged, await initialize(url, ASKABLE, 'bob'));
    await post(url, forged, await initialize(url, ASKABLE));
    await post(url, forged);
    expect((await post(url, forged, { ...session, ...BOB })).status).toBe(404);
    expect((await post(url, answer, session)).status).toBe(202);
    await expect.poll(() => JSON.stringify(open.messages.at(-1))).toMatch(/mine/);
  });

  test('that is an error ends the request with it', async () => {
    const { session, open, answer } = await ask();
    await post(url, { jsonrpc: '2.0', id: answer.id, error: { code: -1, message: 'not today' } }, session);
    await expect
      .poll(() => open.messages.at(-1))
      .toMatchObject({ id: 7, error: { code: -1, message: 'elicitation/create: not today' } });
  });

  test('that is malformed ends the request and says how it must be', async () => {
    const { session, open, answer } = await ask();
    await post(url, { ...answer, result: { action: 'perhaps' } }, session);
    await expect
      .poll(() => open.messages.at(-1))
      .toMatchObject({ id: 7, error: { code: -32602, message: expect.stringContaining('action') } });
  });

  test('that never comes is not waited for: client and caller are told', async () => {
    await using brief = await startFixture({ limits: { questionTimeoutMs: 100 } });
    const session = await initialize(brief.url, ASKABLE);
    const { messages } = await post(brief.url, callTool('test_elicitation', { message: 'Colour?' }), session);
    expect(messages).toMatchObject([
      { method: 'elicitation/create' },
      { method: 'notifications/cancelled', params: { requestId: messages[0]?.id } },
      { id: 7, error: { message: expect.stringContaining('did not answer elicitation/create within 100 ms') } },
    ]);
    expect(brief.mcp.stats()).toMatchObject({ pendingQuestions: 0, inFlight: 0 });
  });

  test('is no longer waited for when the asking request is cancelled', async () => {
    const { session, open } = await ask();
    await post(url, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } }, session);
    await expect.poll(() => open.isOver).toBe(true);
    const waiting = () => fixture.replicas.map((replica) => replica.stats().pendingQuestions);
    await expect.poll(waiting).toEqual([0, 0]);
  });
});

test('a request that asks for ever is ended', async () => {
  await using single = await startFixture({ limits: { questionRounds: 2, questionTimeoutMs: 10_000 } });
  single.host.tools.set(
    'nag',
    tool('nag', (_, request) => request.inputRequired({ more: { method: 'elicitation/create', params: {} } })),
  );
  const session = await initialize(single.url, ASKABLE);
  const open = await openPost(single.url, callTool('nag'), session);
  for (const round of [1, 2]) {
    await expect.poll(() => open.messages.length).toBe(round);
    await post(single.url, { jsonrpc: '2.0', id: open.messages.at(-1)?.id, result: { action: 'accept' } }, session);
  }
  await expect
    .poll(() => open.messages.at(-1))
    .toMatchObject({ error: { message: expect.stringContaining('2 times') } });
});

test('a cancel counts only from the principal and the session of the request', async () => {
  const session = await initialize(url, ASKABLE);
  const open = await openPost(url, callTool('test_elicitation', { message: 'Colour?' }), session);
  await expect.poll(() => open.messages.length).toBe(1);
  const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } };
  await post(url, cancel, await initialize(url, {}, 'bob'));
  await post(url, cancel, await initialize(url));
  await post(url, cancel);
  expect(open.isOver).toBe(false);
  await post(url, cancel, session);
  await expect.poll(() => open.isOver).toBe(true);
});

test('a session has its own log level', async () => {
  await using single = await startFixture();
  const session = await initialize(single.url);
  expect((await post(single.url, callTool('test_logging_tool'), session)).messages).toHaveLength(2);
  expect((await legacy(single.url, 'logging/setLevel', { level: 'loud' }, session)).error?.message).toMatch(/warning/);
  await legacy(single.url, 'logging/setLevel', { level: 'error' }, session);
  expect((await post(single.url, callTool('test_logging_tool'), session)).messages).toHaveLength(1);
  expect((await post(single.url, callTool('test_logging_tool'), await initialize(single.url))).messages).toHaveLength(
    2,
  );
});

test('a stream hears of the resources its session subscribed to, and of no others', async () => {
  await using single = await startFixture({ limits: { subscriptionsPerSession: 2 } });
  const session = await initialize(single.url);
  const open = await openGet(single.url, session);
  const about = (method: string, uri: string) => legacy(single.url, `resources/${method}`, { uri }, session);
  await about('subscribe', 'test://a');
  await about('subscribe', 'test://b');
  expect((await about('subscribe', 'test://c')).error?.message).toMatch(/as many resource subscriptions/);
  await about('unsubscribe', 'test://b');
  for (const uri of ['test://b', 'test://c', 'test://a']) single.changed('resources', uri);
  single.changed('prompts');
  await expect
    .poll(() => open.messages)
    .toMatchObject([
      { method: 'notifications/resources/updated', params: { uri: 'test://a' } },
      { method: 'notifications/prompts/list_changed' },
    ]);
  open.close();
});

test('without a session there are no streams, and requests are answered all the same', async () => {
  expect(await send(url, 'GET', '', { accept: 'text/event-stream' })).toMatchObject({ status: 405 });
  expect((await send(url, 'DELETE')).status).toBe(400);
  expect(streams()).toBe(0);
  expect(await post(url, callTool('echo', { q: 'hi' }))).toMatchObject({ status: 200, result: text('hi') });
});

test('a result keeps what this era knows and loses what it does not', async () => {
  const odd = { ...text('7'), structuredContent: 7, ttlMs: 5, resultType: 'complete' };
  fixture.host.tools.set(
    'seven',
    tool('seven', () => odd),
  );
  expect((await post(url, callTool('seven'))).result).toEqual(text('7'));
});
