import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newDatabase, type TestDatabase } from '../support/database.js';
import { callerWith, principal } from '../support/principals.js';
import { hasRedis, RedisServer } from '../support/redis-server.js';
import { startServer, type TestServer } from '../support/server.js';
import { PROMISED_MS, spreadMs } from './support/spreading.js';

const LIMITS = '/api/v1/rate-limits';
const ME = '/api/v1/permissions/me';
const BURST = 300;
const SOON = { timeout: 10_000, interval: 50 };

describe.skipIf(!hasRedis)('three replicas with Redis', () => {
  let database: TestDatabase;
  let redis: RedisServer;
  let replicas: TestServer[];
  beforeAll(async () => {
    [database, redis] = await Promise.all([newDatabase(), RedisServer.start()]);
    const env = { DATABASE_URL: database.url, REDIS_URL: redis.url };
    replicas = await Promise.all([1, 2, 3].map(() => startServer({ env })));
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
    await redis[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  const first = (): TestServer => replicas[0] as TestServer;

  /** A replica that does not know the new limit yet would let in what the old one does. */
  async function allKnow(key: string, burst: number): Promise<void> {
    for (const replica of replicas) {
      const limit = async () => (await callerWith(replica, key).call('GET', ME)).headers.get('ratelimit-limit');
      await expect.poll(limit, SOON).toBe(String(burst));
    }
  }

  /** So many requests of one principal, spread over all, a few at a time: a busy replica would take Redis for dead. @returns how many were let in, and for how many there was time */
  async function flood(key: string, count: number): Promise<{ passed: number; refilled: number }> {
    const callers = replicas.map((replica) => callerWith(replica, key));
    const began = performance.now();
    let [sent, passed] = [0, 0];
    const worker = async () => {
      while (sent < count) {
        const answer = await callers[sent++ % callers.length]?.call('GET', ME);
        if (answer?.status === 200) passed++;
      }
    };
    await Promise.all(Array.from({ length: 12 }, worker));
    const refilled = Math.ceil((performance.now() - began) / 1_000); // 60 a minute
    return { passed, refilled };
  }

  test('let in what one would, and at most 1 % more', async () => {
    const user = await principal(first());
    await first().json(200, 'PUT', LIMITS, { principal: user.principal, perMinute: 60, burst: BURST });
    await allKnow(user.key, BURST);
    const { passed, refilled } = await flood(user.key, 3 * BURST);
    expect(passed).toBeGreaterThan(BURST * 0.9);
    expect(passed).toBeLessThanOrEqual(BURST * 1.01 + refilled);
  });

  test('without Redis each counts alone: replicas × limit in all; said, counted, and over when Redis is back', async () => {
    const user = await principal(first());
    await first().json(200, 'PUT', LIMITS, { principal: user.principal, perMinute: 60, burst: 50 });
    await allKnow(user.key, 50);
    await redis.kill();
    const { passed, refilled } = await flood(user.key, 450);
    expect(passed).toBeGreaterThan(100);
    expect(passed).toBeLessThanOrEqual(3 * (50 + refilled));
    for (const replica of replicas) {
      expect(replica.logs.map(({ message }) => message)).toContain(
        'Redis is away: each replica counts its rate limits alone',
      );
      expect(await (await fetch(`${replica.url}/metrics`)).text()).toMatch(
        /a2a_rate_limit_local_decisions_total [1-9]/,
      );
    }
    await redis.start();
    const again = () =>
      callerWith(first(), user.key)
        .call('GET', ME)
        .then(() => first().logs.map(({ message }) => message));
    await expect
      .poll(again, { timeout: 10_000, interval: 200 })
      .toContain('Rate limits are counted over all replicas again');
  });
});

test('a limit and a block hold on the other replica within a second, without Redis', async () => {
  await using database = await newDatabase();
  const env = { DATABASE_URL: database.url };
  await using one = await startServer({ env });
  await using other = await startServer({ env });
  const user = await principal(one);
  const there = callerWith(other, user.key);
  const status = async () => (await there.call('GET', ME)).status;
  const limit = async () => (await there.call('GET', ME)).headers.get('ratelimit-limit');
  expect(await status()).toBe(200);
  await one.json(200, 'PUT', LIMITS, { principal: user.principal, perMinute: 60, burst: 7 });
  const times = [await spreadMs('the limit holds', async () => (await limit()) === '7')];
  const { id } = await one.json<{ id: string }>(201, 'POST', `${LIMITS}/blocked`, { principal: user.principal });
  times.push(await spreadMs('the block holds', async () => (await status()) === 403));
  await one.json(204, 'DELETE', `${LIMITS}/blocked/${id}`);
  await one.json(200, 'PUT', LIMITS, { principal: user.principal, perMinute: 600, burst: 100 });
  times.push(await spreadMs('its end holds', async () => (await status()) === 200));
  expect(Math.min(...times)).toBeLessThan(PROMISED_MS);
});
