import type { JsonObject } from '@app/core';
import { createClient } from '@redis/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startReplica, untilUp, useEverything } from './support/cache-replica.js';
import { elapsed } from './support/elapsed.js';
import { captureLog } from './support/log-lines.js';
import { hasRedis, RedisServer } from './support/redis-server.js';

/** Longer than the 250 ms one caller may have to wait for a frozen Redis, much shorter than a hang. */
const BOUNDED_MS = 450;
const AT_ONCE_MS = 100;

let log: ReturnType<typeof captureLog>;
const logged = (text: string) => log.lines.filter((line) => JSON.stringify(line).includes(text));

beforeEach(() => {
  log = captureLog();
});
afterEach(() => log[Symbol.dispose]());

const took = async (work: () => Promise<unknown>): Promise<number> => (await elapsed(work)).ms;

/** However often the machine was too busy for Redis to answer in time: each of them is told once, and so is its end. */
const expectAllTold = () => expect(logged('Redis is back').length).toBe(logged('Redis unreachable').length);

async function connections(server: RedisServer): Promise<number> {
  return String(await server.command('CLIENT', 'LIST')).split('name=a2a-mcp').length - 1;
}

describe.skipIf(!hasRedis)('When Redis goes away', () => {
  test('a killed Redis is missed at once, counting goes on, and both ways are logged once', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    await replica.cache.set('v', 1, 60_000);
    for (let i = 0; i < 3; i++) await replica.take('limit');
    await server.kill();
    expect(await took(() => useEverything(replica))).toBeLessThan(AT_ONCE_MS);
    expect(await replica.cache.get('v')).toBeUndefined();
    expect(await replica.take('limit')).toMatchObject({ remaining: 96, isShared: false });
    expect(await replica.health.check()).toMatchObject({ state: 'degraded' });
    const told = logged('Redis unreachable').length;
    await sleep(1_500);
    expect(await took(() => useEverything(replica))).toBeLessThan(AT_ONCE_MS);
    expect(logged('Redis unreachable')).toHaveLength(told);
    expect(logged('Redis is back')).toHaveLength(told - 1);

    await server.start();
    await untilUp(replica);
    await replica.cache.set('v', 2, 60_000);
    expect(await replica.cache.get('v')).toBe(2);
    expectAllTold();
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
      { timeout: 15_000 },
    );
    expectAllTold();
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
    const { value, ms } = await elapsed(() => startReplica(`redis://:wrong@127.0.0.1:${server.port}`));
    await using replica = value;
    expect(ms).toBeLessThan(3_000);
    expect(await took(() => useEverything(replica))).toBeLessThan(AT_ONCE_MS);
    expect((await replica.health.check()).detail).toContain('WRONGPASS');
    expect(logged('WRONGPASS')).toHaveLength(1);
    expect(JSON.stringify(log.lines)).not.toContain('wrong@');
    const operator = await createClient({ url: `redis://:right@127.0.0.1:${server.port}` }).connect();
    await operator.configSet('requirepass', 'wrong');
    operator.destroy();
    await untilUp(replica);
  });

  test('a Redis that starts after us is found', async () => {
    await using server = await RedisServer.prepare();
    await using replica = await startReplica(server.url);
    await useEverything(replica);
    expect(logged('Redis unreachable')).toHaveLength(1);
    await server.start();
    await untilUp(replica);
    await useEverything(replica);
    expectAllTold();
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
    await vi.waitFor(async () => expect(await connections(server)).toBe(2), { timeout: 10_000 });
    await replica.close();
    await vi.waitFor(async () => expect(await connections(server)).toBe(0), { timeout: 10_000 });

    const away = await startReplica(server.url);
    await server.kill();
    await sleep(200);
    await away.close();
    await server.start();
    await sleep(1_500);
    expect(await connections(server)).toBe(0);
  });
});
