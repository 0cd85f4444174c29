import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Replica, startReplica, untilUp } from './support/cache-replica.js';
import { captureLog } from './support/log-lines.js';
import { hasRedis, RedisServer } from './support/redis-server.js';

const PREFIX = 'a2a:session:';
const copiesOf = ({ copies }: Replica) => copies.of<{ text: string }>(PREFIX);

let log: ReturnType<typeof captureLog>;
beforeEach(() => {
  log = captureLog();
});
afterEach(() => log[Symbol.dispose]());

test('without Redis there are no copies: replicas could not see each other’s changes', async () => {
  await using replica = await startReplica();
  const copies = copiesOf(replica);
  await copies.put('1', 1, { text: 'x' }, 60_000);
  expect(await copies.get('1')).toBeUndefined();
  await copies.delete(['1']);
});

describe.skipIf(!hasRedis)('copies of rows in Redis', () => {
  test('stand under exactly the key that operators know, with a TTL, and are shared', async () => {
    await using server = await RedisServer.start();
    await using a = await startReplica(server.url);
    await using b = await startReplica(server.url);
    await copiesOf(a).put('12345', 1, { text: 'x' }, 60_000.5);
    await copiesOf(a).put('late', 1, { text: 'x' }, 0);
    expect(await server.command('KEYS', `${PREFIX}*`)).toEqual([`${PREFIX}12345`]);
    expect(await server.command('PTTL', `${PREFIX}12345`)).toBeGreaterThan(59_000);
    expect(await copiesOf(b).get('12345')).toEqual({ text: 'x' });
    await copiesOf(b).delete(['12345', 'never']);
    await copiesOf(b).delete([]);
    expect(await copiesOf(a).get('12345')).toBeUndefined();
  });

  test('an older one never replaces a newer one', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    const copies = copiesOf(replica);
    await copies.put('1', 10, { text: 'new' }, 60_000);
    await copies.put('1', 9, { text: 'old' }, 60_000);
    expect(await copies.get('1')).toEqual({ text: 'new' });
    await copies.put('1', 11, { text: 'newer' }, 60_000);
    expect(await copies.get('1')).toEqual({ text: 'newer' });
  });

  test('DEL, FLUSHDB and what somebody else wrote there are a miss', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    const copies = copiesOf(replica);
    await copies.put('1', 1, { text: 'x' }, 60_000);
    await server.command('DEL', `${PREFIX}1`);
    expect(await copies.get('1')).toBeUndefined();
    await copies.put('1', 1, { text: 'x' }, 60_000);
    await server.command('FLUSHDB');
    expect(await copies.get('1')).toBeUndefined();
    for (const foreign of ['not JSON', '[]', '{"version":{}}', '7']) {
      await server.command('SET', `${PREFIX}1`, foreign);
      expect(await copies.get('1')).toBeUndefined();
      await copies.put('1', 1, { text: 'x' }, 60_000);
      expect(await copies.get('1')).toEqual({ text: 'x' });
    }
    expect(log.lines.filter(({ level }) => level === 'ERROR')).toEqual([]);
  });

  test('while Redis is frozen or gone nobody waits, and what could not be delivered leaves no older copy behind', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    const copies = copiesOf(replica);
    await copies.put('changed', 1, { text: 'old' }, 60_000);
    await copies.put('deleted', 1, { text: 'old' }, 60_000);
    server.freeze();
    await copies.get('in flight');
    let hasWaited = false;
    setImmediate(() => (hasWaited = true));
    await copies.put('changed', 2, { text: 'new' }, 60_000);
    await copies.delete(['deleted']);
    expect(await copies.get('changed')).toBeUndefined();
    expect(hasWaited).toBe(false);
    server.thaw();
    await untilUp(replica);
    expect((await copies.get('changed'))?.text).not.toBe('old');
    expect(await copies.get('deleted')).toBeUndefined();
  });

  test('a Redis that comes back with an older copy of its data serves nothing of it', async () => {
    await using server = await RedisServer.start();
    await using replica = await startReplica(server.url);
    const copies = copiesOf(replica);
    await copies.put('1', 1, { text: 'old' }, 60_000);
    await server.command('SAVE');
    await copies.delete(['1']);
    await server.kill();
    await sleep(50);
    await server.start();
    await untilUp(replica);
    expect(await server.command('EXISTS', `${PREFIX}1`)).toBe(1);
    expect(await copies.get('1')).toBeUndefined();
  });
});
