import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasRedis } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { Cluster } from './support/cluster.js';
import { endure, type Scenario, type Stage, TEST_MS } from './support/faults.js';

const FILLER = 'x'.repeat(10_000);

describe.skipIf(!hasRedis)('Redis only makes things sooner', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ withRedis: true });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  const wrongs = async (name: string, fault: Scenario['fault']) =>
    (await endure(cluster, { name, tolerates: [], fault })).wrongs;

  test('redis killed and back', async () => expect(await wrongs('killed', killRedis)).toEqual([]), TEST_MS);

  test('redis frozen and back', async () => expect(await wrongs('frozen', freezeRedis)).toEqual([]), TEST_MS);

  test(
    'redis flushed by FLUSHDB in a loop',
    async () => expect(await wrongs('flushed', flushRedis)).toEqual([]),
    TEST_MS,
  );

  test(
    'redis full (maxmemory 2mb, allkeys-lru), so that keys are evicted all the time',
    async () => {
      await cluster.redis.command('CONFIG', 'SET', 'maxmemory', '2mb');
      await cluster.redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
      expect(await wrongs('evicted', fillRedis)).toEqual([]);
    },
    TEST_MS,
  );
});

async function killRedis(stage: Stage): Promise<void> {
  const { redis } = stage.cluster;
  await stage.during('Redis away', {}, async () => {
    await redis.kill();
    await everybodyIs(stage, 'degraded');
    await sleep(stage.random.int(0, 1_500));
    await redis.start();
  });
  await everybodyIs(stage, 'well');
}

async function freezeRedis(stage: Stage): Promise<void> {
  const { redis } = stage.cluster;
  await stage.during('Redis frozen', {}, async () => {
    redis.freeze();
    if (stage.random.chance(0.6)) await everybodyIs(stage, 'degraded');
    else await sleep(stage.random.int(50, 1_500));
    redis.thaw();
  });
  await everybodyIs(stage, 'well');
}

async function flushRedis(stage: Stage): Promise<void> {
  const end = Date.now() + stage.random.int(300, 1_500);
  await stage.during('redis flushed by FLUSHDB in a loop', {}, async () => {
    while (Date.now() < end) await stage.cluster.redis.command('FLUSHDB');
  });
}

async function fillRedis(stage: Stage): Promise<void> {
  const before = await evictions(stage.cluster);
  await stage.during('Redis full', {}, async () => {
    for (let n = 0; (await evictions(stage.cluster)) < before + 100; n++) {
      // Nothing may be left to evict: then it refuses what is written.
      await stage.cluster.redis.command('SET', `filler:${n}`, FILLER).catch(() => undefined);
    }
  });
}

async function evictions({ redis }: Cluster): Promise<number> {
  const stats = String(await redis.command('INFO', 'stats'));
  return Number(/evicted_keys:(\d+)/.exec(stats)?.[1]);
}

/** Ready either way: Redis away is no reason to leave the load balancer. */
async function everybodyIs({ cluster }: Stage, state: 'degraded' | 'well'): Promise<void> {
  await Promise.all(
    cluster.replicas.map((replica) =>
      until(`${replica.name} is ${state}`, async () => {
        const readiness = await replica.readiness();
        // No answer in time says nothing.
        if (readiness === undefined) return false;
        expect(readiness).toMatchObject({ status: 200 });
        return readiness.text.includes('degraded') === (state === 'degraded');
      }),
    ),
  );
}
