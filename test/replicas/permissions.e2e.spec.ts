import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from '../support/agents.js';
import { newDatabase, type TestDatabase } from '../support/database.js';
import { callerWith, principal } from '../support/principals.js';
import { startServer, type TestServer } from '../support/server.js';
import { PROMISED_MS, spreadMs } from './support/spreading.js';

const SOON = { timeout: 10_000, interval: 50 };

let database: TestDatabase;
let agents: TestAgents;
let one: TestServer;
let other: TestServer;
beforeAll(async () => {
  [database, agents] = await Promise.all([newDatabase(), startAgents()]);
  const env = { DATABASE_URL: database.url };
  [one, other] = await Promise.all([startServer({ env }), startServer({ env })]);
  await one.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') });
});
afterAll(async () => {
  await Promise.all([one.stop(), other.stop()]);
  await agents[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

test('a grant and its end hold on the other replica within a second, without Redis', async () => {
  const user = await principal(one);
  const there = callerWith(other, user.key);
  const start = async () => (await there.call('POST', '/api/v1/tasks', { agent: 'echo', message: 'hi' })).status;
  expect(await start()).toBe(404);
  const times: number[] = [];
  for (let round = 0; round < 2; round++) {
    const { id } = await one.json<{ id: string }>(201, 'POST', '/api/v1/permissions/grants', {
      principal: user.principal,
      actions: ['agents:call'],
      resources: [{ agent: 'echo' }],
    });
    times.push(await spreadMs('the grant holds', async () => (await start()) === 202));
    expect(await there.tools()).toContain('echo');
    await one.json(200, 'DELETE', `/api/v1/permissions/grants/${id}`);
    times.push(await spreadMs('its end holds', async () => (await start()) === 404));
    expect(await there.tools()).not.toContain('echo');
  }
  expect(Math.min(...times)).toBeLessThan(PROMISED_MS);
});

test('an MCP client hears that its tools changed', async () => {
  const user = await principal(one);
  let changes = 0;
  const client = await other.mcp('modern', user.key, { tools: { onChanged: () => changes++ } });
  await client.listTools();
  await one.json(201, 'POST', '/api/v1/permissions/grants', {
    principal: user.principal,
    actions: ['agents:call'],
    resources: [{ agent: 'echo' }],
  });
  await expect.poll(() => changes, SOON).toBeGreaterThan(0);
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('echo');
  await client.close();
});

test('a rotated key works beside its successor, a revoked one nowhere', async () => {
  const user = await principal(one);
  const rotated = await one.json<{ id: string; key: string; principal: string }>(
    201,
    'POST',
    `/api/v1/api-keys/${user.id}/rotate`,
    { overlapSeconds: 5 },
  );
  expect(rotated.principal).toBe(user.principal);
  const status = async (key: string) => (await callerWith(other, key).call('GET', '/api/v1/permissions/me')).status;
  expect([await status(user.key), await status(rotated.key)]).toEqual([200, 200]);
  await expect.poll(() => status(user.key), { timeout: 15_000 }).toBe(401);
  expect(await status(rotated.key)).toBe(200);
  await one.json(204, 'DELETE', `/api/v1/api-keys/${rotated.id}`);
  await expect.poll(() => status(rotated.key), SOON).toBe(401);
});
