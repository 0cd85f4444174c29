import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from '../support/agents.js';
import { newDatabase, type TestDatabase } from '../support/database.js';
import { startServer, type TestServer } from '../support/server.js';
import { PROMISED_MS, spreadMs } from './support/spreading.js';

let database: TestDatabase;
let agents: TestAgents;
let one: TestServer;
let other: TestServer;
beforeAll(async () => {
  [database, agents] = await Promise.all([newDatabase(), startAgents()]);
  const env = { DATABASE_URL: database.url, AGENT_REFRESH_SECONDS: '5' };
  [one, other] = await Promise.all([startServer({ env }), startServer({ env })]);
});
afterAll(async () => {
  await Promise.all([one.stop(), other.stop()]);
  await agents[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

const SOON = { timeout: 10_000, interval: 50 };

test('what one replica changes the other knows within a second', async () => {
  const client = await other.mcp();
  const call = async () =>
    (await client.callTool({ name: 'echo', arguments: { message: 'hi' } }).catch(() => ({ isError: true }))).isError ??
    false;
  await one.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') });
  await expect.poll(call, SOON).toBe(false);
  await one.json(200, 'POST', '/api/v1/agents/echo/disable');
  const times = [await spreadMs('it is disabled', call)];
  await one.json(200, 'POST', '/api/v1/agents/echo/enable');
  await expect.poll(call, SOON).toBe(false);

  const { id, key } = await one.json<{ id: string; key: string }>(201, 'POST', '/api/v1/api-keys', {
    name: 'roaming',
    roles: ['operator'],
  });
  const status = async () => (await fetch(`${other.url}/api/v1/agents`, { headers: { 'x-api-key': key } })).status;
  expect(await status()).toBe(200);
  await one.json(204, 'DELETE', `/api/v1/api-keys/${id}`);
  times.push(await spreadMs('the key is revoked', async () => (await status()) === 401));
  expect(Math.min(...times)).toBeLessThan(PROMISED_MS);
  await client.close();
});

test('many calls at once to an agent that another replica registered a moment ago all find it', async () => {
  for (let round = 0; round < 5; round++) {
    const slug = `fresh-${round}`;
    await one.json(201, 'POST', '/api/v1/agents', { url: agents.url('long-runner'), slug });
    const calls = Array.from({ length: 20 }, () =>
      other.call('POST', '/api/v1/tasks', { agent: slug, message: 'are you there?' }),
    );
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(Array(20).fill(202));
  }
});

test('a card that changed by itself is fetched again by one replica and reaches clients of both', async () => {
  const changes = { one: 0, other: 0 };
  const clients = [
    await one.mcp('modern', undefined, { tools: { onChanged: () => changes.one++ } }),
    await other.mcp('legacy', undefined, { tools: { onChanged: () => changes.other++ } }),
  ];
  const before = (await agents.ledger('echo')).cardFetches;
  await agents.changeCard('echo', {
    skills: [{ id: 'new-trick', name: 'New trick', description: 'Learned', tags: [] }],
  });
  await expect.poll(() => changes, { timeout: 20_000 }).toEqual({ one: 1, other: 1 });
  for (const client of clients) {
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('echo__new-trick');
    await client.close();
  }
  expect((await agents.ledger('echo')).cardFetches - before).toBeLessThanOrEqual(2);
});

test('the same agent registered on both at once is one agent', async () => {
  const statuses = await Promise.all(
    [one, other, one, other].map(
      async (server) => (await server.call('POST', '/api/v1/agents', { url: agents.url('asker') })).status,
    ),
  );
  expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 409, 409, 409]);
});

test('a session made by one replica goes on at the other', async () => {
  const headers = {
    authorization: 'Bearer test-admin-key-0123456789',
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
  };
  const begun = await fetch(`${one.url}/mcp`, { method: 'POST', headers, body: JSON.stringify(initialize) });
  const session = begun.headers.get('mcp-session-id') ?? '';
  const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
  const gone = await fetch(`${other.url}/mcp`, {
    method: 'POST',
    headers: { ...headers, 'mcp-session-id': session },
    body: JSON.stringify(list),
  });
  expect(gone.status).toBe(200);
  expect(await gone.json()).toMatchObject({ id: 2, result: { tools: expect.any(Array) } });
});
