import type { JsonObject } from '@app/core';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Replica, startReplica, untilUp, useEverything } from './support/cache-replica.js';
import { captureLog } from './support/log-lines.js';
import { hasRedis, RedisServer } from './support/redis-server.js';

let log: ReturnType<typeof captureLog>;
const logged = (text: string) => log.lines.filter((line) => JSON.stringify(line).includes(text));

beforeEach(() => {
  log = captureLog();
});
afterEach(() => log[Symbol.dispose]());

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
    if (store.url !== undefined) await untilUp(replica);
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

  test.skipIf(!available)('a bucket gives its burst at once and then at its pace', async () => {
    const rate = { perMinute: 20, burst: 3 }; // one in 3 s
    const taken = [await replica.take('k', rate), await replica.take('k', rate), await replica.take('k', rate)];
    expect(taken.map(({ remaining, retryMs }) => [remaining, retryMs])).toEqual([
      [2, 0],
      [1, 0],
      [0, 0],
    ]);
    expect(taken[2]?.resetMs).toBeGreaterThan(6_000);
    const refused = await replica.take('k', rate);
    expect(refused.retryMs).toBeGreaterThan(0);
    expect(refused.retryMs).toBeLessThanOrEqual(3_000);
    expect((await replica.take('other', rate)).remaining).toBe(2);
    await sleep(refused.retryMs + 5);
    expect((await replica.take('k', rate)).retryMs).toBe(0);
    expect((await replica.take('k', rate)).retryMs).toBeGreaterThan(0);
  });

  test.skipIf(!available)('of several buckets one is taken from all of them or from none', async () => {
    const [wide, narrow] = [
      { key: 'wide', perMinute: 1, burst: 10 },
      { key: 'narrow', perMinute: 1, burst: 1 },
    ];
    expect((await replica.buckets.take([wide, narrow])).levels.map(({ retryMs }) => retryMs)).toEqual([0, 0]);
    const refused = await replica.buckets.take([wide, narrow]);
    expect(refused.levels[1]?.retryMs).toBeGreaterThan(50_000);
    expect((await replica.buckets.take([wide], 0)).levels[0]?.remaining).toBe(9);
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
  test('replicas share values, buckets and hints', async () => {
    await using server = await RedisServer.start();
    await using a = await startReplica(server.url);
    await using b = await startReplica(server.url);
    await a.cache.set('shared', 1, 60_000);
    expect(await b.cache.get('shared')).toBe(1);
    await b.cache.delete('shared');
    expect(await a.cache.get('shared')).toBeUndefined();

    await a.take('shared');
    expect(await b.take('shared')).toMatchObject({ remaining: 98, isShared: true });

    const heard: [string, JsonObject][] = [];
    a.hints.subscribe('t', (payload) => heard.push(['a', payload]));
    b.hints.subscribe('t', (payload) => heard.push(['b', payload]));
    // Redis tells how many got it.
    await vi.waitFor(async () => expect(await server.command('PUBLISH', 'a2a:hint:t', 'not from us')).toBe(2), {
      timeout: 10_000,
    });
    a.hints.publish('t', { seq: 7 });
    await vi.waitFor(() => expect(heard).toHaveLength(2), { timeout: 10_000 });
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
    await replica.take('c');
    const keys = (await server.command('KEYS', '*')) as string[];
    expect(keys.length).toBeGreaterThanOrEqual(3);
    for (const key of keys) {
      expect(key).toMatch(/^a2a:(cache:|limit:|probe$)/);
      // -1: for ever. -2: its time was over meanwhile.
      expect(await server.command('PTTL', key)).not.toBe(-1);
    }
  });

  test('FLUSHDB costs what was cached and nothing else', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    await replica.cache.set('v', 1, 60_000);
    await replica.take('c');
    await server.command('FLUSHDB');
    expect(await replica.cache.get('v')).toBeUndefined();
    expect((await replica.take('c')).remaining).toBe(99);
    await useEverything(replica);
    expect(logged('unreachable')).toEqual([]);
  });
});
