import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { modern } from './support/mcp-raw.js';
import { principal, type TestPrincipal } from './support/principals.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';
import { openSocket } from './support/ws-client.js';

const LIMITS = '/api/v1/rate-limits';
const ME = '/api/v1/permissions/me';

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer({ env: { TRUSTED_PROXIES: '127.0.0.0/8' } }), startAgents()]);
  for (const name of ['echo', 'long-runner'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name), slug: name });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

const limit = (body: object) => server.json<{ id: string }>(200, 'PUT', LIMITS, body);
const operator = () => principal(server, { roles: ['operator'] });
const start = async (who: TestPrincipal, agent = 'echo', message = 'hi') =>
  (await who.call('POST', '/api/v1/tasks', { agent, message })).status;

describe('a principal that comes too often', () => {
  test('is told so by REST, with the numbers, and let in again', async () => {
    const user = await operator();
    await limit({ principal: user.principal, perMinute: 12, burst: 3 });
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await user.call('GET', ME));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(answers.map(({ headers }) => headers.get('ratelimit-remaining'))).toEqual(['2', '1', '0', '0']);
    const refused = answers[3];
    expect(Object.fromEntries(refused?.headers ?? [])).toMatchObject({
      'retry-after': expect.stringMatching(/^[2345]$/),
      'ratelimit-limit': '3',
      'ratelimit-reset': expect.stringMatching(/^1[2345]$/),
    });
    expect(await refused?.json()).toMatchObject({
      status: 429,
      code: 'rate_limited',
      detail: expect.stringMatching(/^Too many requests of yours: 3 at once and 12 a minute; try again in [2345] s$/),
    });
    await sleep(5_050);
    expect((await user.call('GET', ME)).status).toBe(200);
    expect((await user.call('GET', ME)).status).toBe(429);
  });

  test('also about requests that are refused', async () => {
    const user = await operator();
    await limit({ principal: user.principal, perMinute: 1, burst: 2 });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await user.call('GET', '/api/v1/audit')).status);
    expect(statuses).toEqual([403, 403, 429]);
  });

  test('is told so by MCP', async () => {
    const user = await operator();
    await limit({ principal: user.principal, perMinute: 1, burst: 1 });
    const list = () => modern(`${server.url}/mcp`, 'tools/list', {}, { headers: user.headers });
    expect((await list()).status).toBe(200);
    const refused = await list();
    expect(refused).toMatchObject({
      status: 429,
      headers: { 'retry-after': '60', 'ratelimit-limit': '1' },
      error: { code: -32000, data: { code: 'rate_limited', limit: 'principal', retryAfterSeconds: 60 } },
    });
  });

  test('is told so over WebSocket, and stays connected', async () => {
    const user = await operator();
    await limit({ principal: user.principal, perMinute: 60, burst: 2 });
    const client = await openSocket(server.streamUrl, { headers: user.headers });
    const calls = await Promise.all([1, 2, 3].map(() => client.ask('ping')));
    expect(calls.map(({ error }) => error !== undefined)).toEqual([false, false, true]);
    expect(calls[2]).toMatchObject({ error: { data: { code: 'rate_limited', retryAfterSeconds: 1, burst: 2 } } });
    await sleep(1_050);
    expect((await client.ask('ping'))['error']).toBeUndefined();
    await client.close();
  });

  test('is logged, counted and listed', async () => {
    const user = await operator();
    await limit({ principal: user.principal, perMinute: 1, burst: 1 });
    for (let i = 0; i < 11; i++) await user.call('GET', ME);
    const line = server.logs.find(
      ({ message, client }) => message === 'Rate limit exceeded' && client === user.principal,
    );
    expect(JSON.stringify(line)).toContain('"rate limit"');
    expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(
      /a2a_rate_limit_exceeded_total\{limit="principal",agent_id=""\} [1-9]/,
    );
    const { items } = await server.json<{ items: { client: string; hits: number }[] }>(200, 'GET', `${LIMITS}/hits`);
    expect(items.find(({ client }) => client === user.principal)).toMatchObject({ limit: 'principal', hits: 10 });
  });
});

describe('calls to an agent', () => {
  test('are limited for one principal, at every door', async () => {
    const user = await operator();
    await limit({ principal: user.principal, agent: 'echo', perMinute: 1, burst: 2 });
    expect([await start(user), await start(user), await start(user)]).toEqual([202, 202, 429]);
    expect(await user.tool('echo', { message: 'hi' })).toMatch(/^rate_limited: Too many calls of yours to echo/);
    expect(await start(user, 'long-runner', 'for 1 s')).toBe(202);
    expect(await start(await operator())).toBe(202);
  });

  test('are limited for all principals together, until the limit is removed', async () => {
    const { id } = await limit({ agent: 'echo', perMinute: 1, burst: 1, reason: 'it is slow today' });
    const [one, other] = [await operator(), await operator()];
    expect([await start(one), await start(other)]).toEqual([202, 429]);
    await server.json(204, 'DELETE', `${LIMITS}/${id}`);
    expect(await start(other)).toBe(202);
    expect((await server.call('DELETE', `${LIMITS}/${id}`)).status).toBe(404);
  });
});

describe('quotas', () => {
  test('so many tasks at a time', async () => {
    const user = await operator();
    await limit({ principal: user.principal, concurrentTasks: 2 });
    expect([await start(user, 'long-runner', 'for 8 s'), await start(user, 'long-runner', 'for 8 s')]).toEqual([
      202, 202,
    ]);
    const refused = await user.call('POST', '/api/v1/tasks', { agent: 'echo', message: 'hi' });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.json()).toMatchObject({ detail: expect.stringContaining('2 tasks that are not over') });
    await expect.poll(() => start(user), { timeout: 30_000, interval: 200 }).toBe(202);
  });

  test('so many tasks at a time, when they all come at once too', async () => {
    const user = await operator();
    await limit({ principal: user.principal, concurrentTasks: 3 });
    const statuses = await Promise.all(Array.from({ length: 20 }, () => start(user, 'long-runner', 'for 20 s')));
    expect(statuses.filter((status) => status === 202)).toHaveLength(3);
  });

  test('so many bytes a request', async () => {
    const user = await operator();
    await limit({ principal: user.principal, requestBytes: 2_048 });
    const message = 'x'.repeat(2_048);
    expect(await start(user, 'echo', message)).toBe(413);
    const refused = await modern(`${server.url}/mcp`, 'tools/list', { x: message }, { headers: user.headers });
    expect(refused).toMatchObject({ status: 413, error: { data: { code: 'too_large' } } });
    const client = await openSocket(server.streamUrl, { headers: user.headers });
    expect(await client.ask('ping', { x: message })).toMatchObject({ error: { data: { code: 'too_large' } } });
    await client.close();
    expect(await start(user)).toBe(202);
    const body = ReadableStream.from([JSON.stringify({ agent: 'echo', message })]).pipeThrough(new TextEncoderStream());
    const headers = { ...user.headers, 'content-type': 'application/json' };
    const chunked = await fetch(`${server.url}/api/v1/tasks`, { method: 'POST', headers, body, duplex: 'half' });
    expect(chunked.status).toBe(413);
  });
});

describe('blocked', () => {
  test('a principal, at every door, until it is unblocked', async () => {
    const user = await operator();
    const client = await openSocket(server.streamUrl, { headers: user.headers });
    const block = { principal: user.principal, reason: 'leaked key' };
    const { id } = await server.json<{ id: string }>(201, 'POST', `${LIMITS}/blocked`, block);
    const refused = await user.call('GET', ME);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ detail: expect.stringContaining('leaked key') });
    const mcp = await modern(`${server.url}/mcp`, 'tools/list', {}, { headers: user.headers });
    expect(mcp).toMatchObject({ status: 403, error: { data: { code: 'forbidden' } } });
    expect(await (await openSocket(server.streamUrl, { headers: user.headers })).closed).toMatchObject({ code: 4403 });
    expect(await client.ask('ping')).toMatchObject({ error: { data: { code: 'forbidden' } } });
    await client.close();
    await server.json(204, 'DELETE', `${LIMITS}/blocked/${id}`);
    expect((await user.call('GET', ME)).status).toBe(200);
  });

  test('a network, whoever comes from there', async () => {
    await server.json(201, 'POST', `${LIMITS}/blocked`, { network: '203.0.113.0/24' });
    const from = (address: string, path: string) =>
      fetch(server.url + path, {
        method: path === '/mcp' ? 'POST' : 'GET',
        headers: { authorization: `Bearer ${ADMIN_KEY}`, 'x-forwarded-for': address },
      });
    for (const path of [ME, '/mcp']) expect((await from('203.0.113.9', path)).status).toBe(403);
    expect((await from('203.0.114.9', ME)).status).toBe(200);
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'x-forwarded-for': '203.0.113.9' };
    expect(await (await openSocket(server.streamUrl, { headers })).closed).toMatchObject({ code: 4403 });
  });

  test('the bootstrap key cannot be', async () => {
    expect((await server.call('POST', `${LIMITS}/blocked`, { principal: 'admin' })).status).toBe(400);
  });
});

test('an address with wrong keys is refused, and nobody else', async () => {
  const env = { TRUSTED_PROXIES: '127.0.0.1', RATE_LIMIT_ADDRESS_BURST: '5', RATE_LIMIT_ADDRESS_PER_MINUTE: '1' };
  await using small = await startServer({ env: { ...env, TRUSTED_PROXIES: '127.0.0.1/32' } });
  const show = async (key: string, address: string) =>
    (await fetch(small.url + ME, { headers: { authorization: `Bearer ${key}`, 'x-forwarded-for': address } })).status;
  const wrong = [];
  for (let i = 0; i < 7; i++) wrong.push(await show(`wrong-${i}`, '198.51.100.1'));
  expect(wrong).toEqual([401, 401, 401, 401, 401, 429, 429]);
  expect(await show('wrong', '198.51.100.2')).toBe(401);
  expect(await show(ADMIN_KEY, '198.51.100.2')).toBe(200);
  // Keys that are known already are not looked up.
  expect(await show(ADMIN_KEY, '198.51.100.1')).toBe(200);
  const ofOneNetwork = ['2001:db8::1', '2001:db8::2', '2001:db8:0:0:9::3'];
  for (let i = 0; i < 5; i++) await show('wrong', ofOneNetwork[i % 3] ?? '');
  expect(await show('wrong', '2001:db8::ffff')).toBe(429);
  expect(await show('wrong', '2001:db8:1::1')).toBe(401);
});

test('who is not behind a trusted proxy cannot say where he is', async () => {
  await using direct = await startServer({
    env: { RATE_LIMIT_ADDRESS_BURST: '2', RATE_LIMIT_ADDRESS_PER_MINUTE: '1' },
  });
  const statuses = [];
  for (let i = 0; i < 3; i++) {
    const headers = { authorization: 'Bearer wrong', 'x-forwarded-for': `198.51.100.${i}` };
    statuses.push((await fetch(direct.url + ME, { headers })).status);
  }
  expect(statuses).toEqual([401, 401, 429]);
});

test('wrong secrets for one key are noticed, and its holder is not locked out', async () => {
  const user = await principal(server);
  const show = async (key: string, i: number) =>
    (
      await fetch(server.url + ME, {
        headers: { authorization: `Bearer ${key}`, 'x-forwarded-for': `198.51.100.${i}` },
      })
    ).status;
  const statuses = [];
  for (let i = 0; i < 12; i++) statuses.push(await show(`a2a_${user.id}_wrong`, i));
  expect(statuses.slice(0, 10).every((status) => status === 401)).toBe(true);
  expect(statuses[11]).toBe(429);
  expect(await show(user.key, 99)).toBe(200);
});

test('the usual limits hold without any setting', async () => {
  const limits = Object.fromEntries(
    ['', 'CALLS_', 'AGENT_', 'ADDRESS_'].flatMap((of) => [
      [`RATE_LIMIT_${of}PER_MINUTE`, undefined],
      [`RATE_LIMIT_${of}BURST`, undefined],
    ]),
  );
  await using usual = await startServer({ env: limits });
  expect(await usual.json(200, 'GET', LIMITS)).toEqual({
    defaults: {
      principal: { perMinute: 3_000, burst: 300 },
      call: { perMinute: 600, burst: 100 },
      agent: { perMinute: 6_000, burst: 1_000 },
      address: { perMinute: 120, burst: 120 },
      concurrentTasks: 1_000_000,
      requestBytes: 4 << 20,
    },
    items: [],
  });
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => usual.call('GET', ME)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(300);
});

test.each([
  [{}, /principal/],
  [{ principal: 'x', perMinute: 1, burst: 1 }, /principal/],
  [{ principal: 'user:x' }, /perMinute/],
  [{ principal: 'user:x', perMinute: 1 }, /burst/],
  [{ principal: 'user:x', perMinute: 0, burst: 1 }, /perMinute/],
  [{ agent: 'echo', concurrentTasks: 1 }, /agent/],
  [{ principal: 'user:x', perMinute: 1, burst: 1, expiresAt: '2020-01-01T00:00:00Z' }, /expiresAt/],
])('bad input names the field: %j', async (body, field) => {
  const response = await server.call('PUT', LIMITS, body);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ detail: expect.stringMatching(field) });
});
