import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Metrics } from '@app/telemetry';
import { afterEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Connection } from './connection.js';
import { LIMITS } from './limits.js';

const metrics = new Metrics();
const caller = {
  id: 'admin',
  keyId: 'bootstrap',
  credential: 'bootstrap',
  roles: [],
  groups: [],
  permissions: new Set([]),
};
const identity = { caller, confirm: () => caller };
const later = (ms: number) => performance.now() + ms;

let pair: { server: WebSocketServer; client: WebSocket } | undefined;
afterEach(() => {
  pair?.client.terminate();
  pair?.server.close();
});

/** The server's end of a real socket, and its client. */
async function connected(options: { autoPong?: boolean } = {}) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, options);
  const [[socket]] = (await Promise.all([once(server, 'connection'), once(client, 'open')])) as [[WebSocket], unknown];
  pair = { server, client };
  const connection = new Connection(socket, metrics);
  const closed = once(client, 'close').then(([code, reason]) => [Number(code), String(reason)] as const);
  return { connection, client, closed };
}

test('a client that answers pings stays', async () => {
  const { connection, client, closed } = await connected();
  for (const pings of [1, 2, 3]) {
    const pinged = once(client, 'ping');
    connection.beat(later(pings * LIMITS.pingMs));
    await pinged;
    // Its pong arrives before its next message.
    const heard = new Promise<void>((resolve) => connection.onMessage(() => resolve()));
    client.send('still here');
    await heard;
  }
  expect(client.readyState).toBe(WebSocket.OPEN);
  client.close();
  await closed;
});

test('one that does not answer a ping until the next is due is gone', async () => {
  const { connection, client, closed } = await connected({ autoPong: false });
  connection.beat(later(LIMITS.pingMs));
  await once(client, 'ping');
  connection.beat(later(2 * LIMITS.pingMs));
  expect(await closed).toEqual([1006, '']);
});

test('without a message it ends, sooner when nobody said who they are, and the reason tells the limit', async () => {
  const stranger = await connected();
  stranger.connection.beat(later(LIMITS.unauthenticatedIdleMs + 1));
  expect(await stranger.closed).toEqual([4408, 'idle for 600 s without authentication']);

  const known = await connected();
  known.connection.identity = identity;
  known.connection.beat(later(LIMITS.unauthenticatedIdleMs + 1));
  expect(known.connection.ending).toBeUndefined();
  known.connection.beat(later(LIMITS.idleMs + 1));
  expect(await known.closed).toEqual([4408, 'idle for 3600 s']);
});

test('with a stream it is not idle', async () => {
  const { connection } = await connected();
  connection.streams.add({ cancel: () => undefined, beat: () => undefined });
  connection.beat(later(LIMITS.idleMs + 1));
  expect(connection.ending).toBeUndefined();
});

test('a client that reads slowly holds back what would come next; one that does not read at all is told why it ends', async () => {
  const { connection, client, closed } = await connected();
  expect(connection.room).toBeUndefined();
  client.pause();
  const message = { text: 'x'.repeat(LIMITS.unsentBytes) };
  while (connection.room === undefined) connection.send(message);
  client.resume();
  await connection.room;
  expect(connection.room).toBeUndefined();

  client.pause();
  while (connection.room === undefined) connection.send(message);
  connection.beat(later(LIMITS.slowMs / 2));
  expect(connection.ending).toBeUndefined();
  connection.beat(later(LIMITS.slowMs + 1));
  client.resume();
  expect(await closed).toEqual([4408, 'too slow: more than 1048576 bytes unread for 30 s']);
});

test('a long reason is cut where a character begins', async () => {
  const { connection, closed } = await connected();
  connection.end({ code: 4400, reason: '€'.repeat(100), end: 'invalid' });
  expect(await closed).toEqual([4400, `${'€'.repeat(40)}…`]);
});
