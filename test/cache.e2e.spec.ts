import { Cache, CacheHealth, CacheModule, Counters, Hints } from '@app/cache';
import { Config, ConfigModule } from '@app/config';
import type { JsonObject } from '@app/core';
import { NestFactory } from '@nestjs/core';
import { createClient } from '@redis/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hasRedis, RedisServer } from './support/redis-server.js';

/** Longer than the 250 ms one caller may have to wait for a frozen Redis, much shorter than a hang. */
const BOUNDED_MS = 450;
const AT_ONCE_MS = 100;

const lines: string[] = [];
const logged = (text: string) => lines.filter((line) => line.includes(text));

beforeEach(() => {
  lines.length = 0;
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
});
afterEach(() => vi.restoreAllMocks());

/** One replica, as far as the cache goes. */
async function startReplica(redisUrl?: string) {
  const config = Config.load({ REDIS_URL: redisUrl });
  const app = await NestFactory.createApplicationContext(
    { module: class {}, imports: [ConfigModule.forRoot(config), CacheModule] },
    { logger: false },
  );
  return {
    cache: app.get(Cache),
    counters: app.get(Counters),
    hints: app.get(Hints),
    health: app.get(CacheHealth),
    close: () => app.close(),
    [Symbol.asyncDispose]: () => app.close(),
  };
}
type Replica = Awaited<ReturnType<typeof startReplica>>;

const isUp = async ({ health }: Replica) => expect((await health.check()).state).toBe('up');
const untilUp = (replica: Replica) => vi.waitFor(() => isUp(replica), { timeout: 8_000, interval: 50 });

async function took(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Everything a request may ask of the cache; none of it may fail. */
async function useEverything({ cache, counters, hints }: Replica): Promise<void> {
  await cache.get('used');
  expect(await cache.wrap('used', 60_000, () => Promise.resolve('computed'))).toBe('computed');
  await cache.set('used', 1, 60_000);
  await cache.delete('used');
  expect((await counters.increment('used', 60_000)).count).toBeGreaterThan(0);
  hints.publish('used', {});
}

const engines = [
  { engine: 'memory', available: true, start: async () => ({ url: undefined, stop: async () => {} }) },
  {
    engine: 'Redis',
    available: hasRedis,
    start: async () => {
      const server = await RedisServer.start();
      return { url: server.url, stop: () => server[Symbol.asyncDispose]() };
    },
  },
];

describe.each(engines)('With $engine', ({ available, start }) => {
  let replica: Replica;
  let stop: () => Promise<void>;

  beforeEach(async () => {
    if (!available) return;
    const store = await start();
    replica = await startReplica(store.url);
    stop = store.stop;
  });
  afterEach(async () => {
    if (!available) return;
    await replica.close();
    await stop();
  });

  test.skipIf(!available)('a value is read back as a copy until its time is over', async () => {
    const value = { text: ':colon', nested: [1, null, { yes: true }] };
    await replica.cache.set('kept', value, 60_000);
    await replica.cache.set('nothing', null, 60_000);
    await replica.cache.set('short', 1, 30.5);
    const first = await replica.cache.get<typeof value>('kept');
    expect(first).toEqual(value);
    first?.nested.push(2);
    expect(await replica.cache.get('kept')).toEqual(value);
    expect(await replica.cache.get('nothing')).toBeNull();
    expect(await replica.cache.get('never set')).toBeUndefined();
    await sleep(60);
    expect(await replica.cache.get('short')).toBeUndefined();
  });

  test.skipIf(!available)('a deleted value is gone, and so is one whose time is over already', async () => {
    await replica.cache.set('a', 1, 60_000);
    await replica.cache.set('b', 1, 60_000);
    await replica.cache.delete('a');
    await replica.cache.set('b', 2, 0);
    expect([await replica.cache.get('a'), await replica.cache.get('b')]).toEqual([undefined, undefined]);
  });

  test.skipIf(!available)('a missing value is loaded once for everybody who asks meanwhile', async () => {
    let loads = 0;
    const load = async () => {
      await sleep(20);
      return ++loads;
    };
    const ask = () => replica.cache.wrap('once', 60_000, load);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
    expect(await ask()).toBe(1);
  });

  test.skipIf(!available)('a failed load fails those who waited and is tried again by the next', async () => {
    const ask = (load: () => Promise<string>) => replica.cache.wrap('failing', 60_000, load);
    const failing = () => Promise.reject(new Error('no database'));
    const answers = await Promise.allSettled([ask(failing), ask(failing)]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await ask(() => Promise.resolve('loaded'))).toBe('loaded');
  });

  test.skipIf(!available)('a load that began before a delete is neither kept nor handed on', async () => {
    let finish = (_value: string) => {};
    const slow = new Promise<string>((resolve) => (finish = resolve));
    const before = replica.cache.wrap('changing', 60_000, () => slow);
    await sleep(20);
    await replica.cache.delete('changing');
    const after = replica.cache.wrap('changing', 60_000, () => Promise.resolve('new'));
    expect(await after).toBe('new');
    finish('old');
    expect(await before).toBe('old');
    expect(await replica.cache.get('changing')).toBe('new');
  });

  test.skipIf(!available)('a counter counts to the end of its window and then starts again', async () => {
    const first = await replica.counters.increment('k', 80);
    const second = await replica.counters.increment('k', 80);
    const other = await replica.counters.increment('other', 80);
    expect([first.count, second.count, other.count]).toEqual([1, 2, 1]);
    expect(second.resetMs).toBeGreaterThan(0);
    expect(second.resetMs).toBeLessThanOrEqual(80);
    await sleep(second.resetMs + 20);
    expect((await replica.counters.increment('k', 80)).count).toBe(1);
  });

  test.skipIf(!available)('a hint reaches listeners of its topic at once and exactly once', async () => {
    const heard: JsonObject[] = [];
    const stopListening = replica.hints.subscribe('task', (payload) => heard.push(payload));
    replica.hints.subscribe('task', () => {
      throw new Error('a listener with a bug');
    });
    replica.hints.subscribe('other', (payload) => heard.push(payload));
    replica.hints.publish('task', { seq: 1 });
    expect(heard).toEqual([{ seq: 1 }]);
    await sleep(50);
    expect(heard).toHaveLength(1);
    stopListening();
    replica.hints.publish('task', { seq: 2 });
    expect(heard).toHaveLength(1);
    expect(logged('A listener failed on a hint')).toHaveLength(2);
  });

  test.skipIf(!available)('a hint that is too large or is no JSON is dropped with a log line', () => {
    const heard: JsonObject[] = [];
    replica.hints.subscribe('task', (payload) => heard.push(payload));
    const circular: JsonObject = {};
    circular['self'] = circular;
    replica.hints.publish('task', { text: 'x'.repeat(5_000) });
    replica.hints.publish('task', circular);
    expect(heard).toEqual([]);
    expect(logged('was dropped')).toHaveLength(2);
  });
});

describe('In memory', () => {
  test('the oldest values go when there are too many', async () => {
    await using replica = await startReplica();
    for (let i = 0; i <= 10_000; i++) {
      await replica.cache.set(`k${i}`, i, 60_000);
      if (i % 1_000 === 0) await replica.cache.get('k0');
    }
    expect(await replica.cache.get('k0')).toBe(0);
    expect(await replica.cache.get('k1')).toBeUndefined();
    expect(await replica.cache.get('k10000')).toBe(10_000);
    expect(await replica.health.check()).toMatchObject({ state: 'off' });
    expect(logged('REDIS_URL')).toHaveLength(1);
  });
});

describe.skipIf(!hasRedis)('Over Redis', () => {
  test('replicas share values, counters and hints', async () => {
    await using server = await RedisServer.start();
    await using a = await startReplica(server.url);
    await using b = await startReplica(server.url);
    await a.cache.set('shared', 1, 60_000);
    expect(await b.cache.get('shared')).toBe(1);
    await b.cache.delete('shared');
    expect(await a.cache.get('shared')).toBeUndefined();

    await a.counters.increment('shared', 60_000);
    expect((await b.counters.increment('shared', 60_000)).count).toBe(2);

    const heard: [string, JsonObject][] = [];
    a.hints.subscribe('t', (payload) => heard.push(['a', payload]));
    b.hints.subscribe('t', (payload) => heard.push(['b', payload]));
    await sleep(100);
    await server.command('PUBLISH', 'a2a:hint:t', 'not from us');
    a.hints.publish('t', { seq: 7 });
    await vi.waitFor(() => expect(heard).toHaveLength(2));
    await sleep(50);
    expect(heard).toEqual([
      ['a', { seq: 7 }],
      ['b', { seq: 7 }],
    ]);
  });

  test('every key is ours by name and has a TTL', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    await replica.cache.set('v', { a: 1 }, 60_000);
    await replica.cache.wrap('w', 60_000, () => Promise.resolve(1));
    await replica.counters.increment('c', 60_000);
    const keys = (await server.command('KEYS', '*')) as string[];
    expect(keys.length).toBeGreaterThanOrEqual(3);
    for (const key of keys) {
      expect(key).toMatch(/^a2a:(cache:|limit:|probe$)/);
      expect(await server.command('PTTL', key)).toBeGreaterThan(0);
    }
  });

  test('FLUSHDB costs what was cached and nothing else', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    await replica.cache.set('v', 1, 60_000);
    await replica.counters.increment('c', 60_000);
    await server.command('FLUSHDB');
    expect(await replica.cache.get('v')).toBeUndefined();
    expect((await replica.counters.increment('c', 60_000)).count).toBe(1);
    await useEverything(replica);
    expect(logged('unreachable')).toEqual([]);
  });

  test('a killed Redis is missed at once, counting goes on, and both ways are logged once', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    await replica.cache.set('v', 1, 60_000);
    for (let i = 0; i < 3; i++) await replica.counters.increment('limit', 60_000);
    await server.kill();
    expect(await took(() => useEverything(replica))).toBeLessThan(AT_ONCE_MS);
    expect(await replica.cache.get('v')).toBeUndefined();
    expect((await replica.counters.increment('limit', 60_000)).count).toBe(4);
    expect(await replica.health.check()).toMatchObject({ state: 'degraded' });
    await sleep(1_500);
    expect(await took(() => useEverything(replica))).toBeLessThan(AT_ONCE_MS);

    await server.start();
    await untilUp(replica);
    await replica.cache.set('v', 2, 60_000);
    expect(await replica.cache.get('v')).toBe(2);
    expect(logged('Redis unreachable')).toHaveLength(1);
    expect(logged('Redis is back')).toHaveLength(1);
  });

  test('a frozen Redis costs one bounded wait, and hints flow again after the thaw', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    await using other = await startReplica(server.url);
    const heard: JsonObject[] = [];
    other.hints.subscribe('t', (payload) => heard.push(payload));
    server.freeze();
    expect(await took(() => useEverything(replica))).toBeLessThan(BOUNDED_MS);
    for (let i = 0; i < 30; i++) {
      expect(await took(() => useEverything(replica))).toBeLessThan(AT_ONCE_MS);
      await sleep(50);
    }
    server.thaw();
    await untilUp(replica);
    await untilUp(other);
    await vi.waitFor(
      () => {
        replica.hints.publish('t', { seq: 1 });
        expect(heard).toContainEqual({ seq: 1 });
      },
      { timeout: 5_000 },
    );
    expect(logged('Redis is back').length).toBe(logged('Redis unreachable').length);
  });

  test('a connection on which nothing comes back any more is replaced', { timeout: 30_000 }, async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    const connectedAs = async () => /id=(\d+).*name=a2a-mcp/.exec(String(await server.command('CLIENT', 'LIST')))?.[1];
    const before = await connectedAs();
    server.freeze();
    await sleep(8_000);
    server.thaw();
    await untilUp(replica);
    expect(await connectedAs()).not.toBe(before);
  });

  test('a delete and a set that could not be delivered leave no older value behind', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    await using other = await startReplica(server.url);
    await replica.cache.set('deleted', 'old', 60_000);
    await replica.cache.set('changed', 'old', 60_000);
    server.freeze();
    await Promise.all([replica.cache.delete('in flight'), other.cache.get('in flight')]);
    await replica.cache.delete('deleted');
    await replica.cache.set('changed', 'new', 60_000);
    server.thaw();
    await untilUp(replica);
    await untilUp(other);
    for (const { cache } of [replica, other]) {
      expect(await cache.get('deleted')).toBeUndefined();
      expect(await cache.get('changed')).not.toBe('old');
    }
  });

  test('more undelivered deletes than are remembered empty the cache, and only the cache', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    await server.command('SET', 'foreign', '1');
    await replica.cache.set('last', 'old', 60_000);
    server.freeze();
    for (let i = 0; i < 10_000; i++) await replica.cache.delete(`k${i}`);
    await replica.cache.delete('last');
    server.thaw();
    await untilUp(replica);
    expect(await replica.cache.get('last')).toBeUndefined();
    expect(await server.command('GET', 'foreign')).toBe('1');
  });

  test('a Redis that comes back with an older copy of its data serves nothing of it', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    await replica.cache.set('v', 'old', 60_000);
    await server.command('SAVE');
    await replica.cache.delete('v');
    await server.kill();
    await server.start();
    await untilUp(replica);
    expect(await server.command('KEYS', 'a2a:cache:v*')).toHaveLength(1);
    expect(await replica.cache.get('v')).toBeUndefined();
  });

  test('a wrong password delays the start by a bounded time, is named, and is mended without a restart', async () => {
    await using server = await RedisServer.start('--requirepass', 'right');
    const startedAt = performance.now();
    await using replica = await startReplica(`redis://:wrong@127.0.0.1:${server.port}`);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(await took(() => useEverything(replica))).toBeLessThan(AT_ONCE_MS);
    expect((await replica.health.check()).detail).toContain('WRONGPASS');
    expect(logged('WRONGPASS')).toHaveLength(1);
    expect(lines.join('')).not.toContain('wrong@');
    const operator = await createClient({ url: `redis://:right@127.0.0.1:${server.port}` }).connect();
    await operator.configSet('requirepass', 'wrong');
    operator.destroy();
    await untilUp(replica);
  });

  test('a Redis that starts after us is found', async () => {
    await using server = await RedisServer.prepare();
    await using replica = await startReplica(server.url);
    await useEverything(replica);
    await server.start();
    await untilUp(replica);
    await useEverything(replica);
    expect(logged('Redis unreachable')).toHaveLength(1);
    expect(logged('Redis is back')).toHaveLength(1);
  });

  test('a Redis that takes no writes counts as away', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    await replica.cache.set('v', 'old', 60_000);
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', '1');
    await replica.cache.set('v', 'new', 60_000);
    await sleep(2_500);
    expect(await replica.health.check()).toMatchObject({ state: 'degraded' });
    expect(logged('Redis unreachable')).toHaveLength(1);
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', '0');
    await untilUp(replica);
    expect(await replica.cache.get('v')).toBeUndefined();
  });

  test('a busy process does not take its own slowness for that of Redis', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    await replica.cache.set('v', 1, 60_000);
    const reading = replica.cache.get('v');
    await new Promise((resolve) => setImmediate(resolve));
    for (const until = performance.now() + 400; performance.now() < until;);
    expect(await reading).toBe(1);
    expect(logged('Redis unreachable')).toEqual([]);
  });

  test('nothing is connected any more after the shutdown, be Redis there or not', async () => {
    await using server = await RedisServer.start();
    const replica = await startReplica(server.url);
    await untilUp(replica);
    await vi.waitFor(async () => expect(await connections(server)).toBe(2));
    await replica.close();
    await vi.waitFor(async () => expect(await connections(server)).toBe(0));

    const away = await startReplica(server.url);
    await server.kill();
    await sleep(200);
    await away.close();
    await server.start();
    await sleep(1_500);
    expect(await connections(server)).toBe(0);
  });
});

async function connections(server: RedisServer): Promise<number> {
  return String(await server.command('CLIENT', 'LIST')).split('name=a2a-mcp').length - 1;
}
