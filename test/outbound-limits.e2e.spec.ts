import { Config, ConfigModule } from '@app/config';
import { Outbound, OutboundModule } from '@app/outbound';
import { NestFactory } from '@nestjs/core';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, expect, test, vi } from 'vitest';
import { closeAll, LOOPBACK, outboundWith, problemOf, saying, startServer } from './support/outbound.js';

const MB = 1_024 * 1_024;

afterEach(closeAll);

test.each([
  ['announced', (response: ServerResponse) => response.setHeader('content-length', 3 * MB).end(Buffer.alloc(3 * MB))],
  ['chunked', (response: ServerResponse) => response.write(Buffer.alloc(3 * MB))],
  [
    'gzip',
    (response: ServerResponse) => response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(64 * MB))),
  ],
  [
    'br',
    (response: ServerResponse) =>
      response.setHeader('content-encoding', 'br').end(brotliCompressSync(Buffer.alloc(3 * MB))),
  ],
])('a body (%s) that is too large is cut off', async (_, answer) => {
  const server = await startServer((_request, response) => void answer(response));
  const reading = async () => (await outboundWith().fetch(server.url, { limits: { maxBytes: 2 * MB } })).text();
  expect(await problemOf(reading())).toMatch(saying('too_large', '127.0.0.1', String(2 * MB)));
});

test('a body of just the size allowed comes whole, by default up to 16 MiB', async () => {
  const server = await startServer((request, response) => response.end(Buffer.alloc(Number(request.url?.slice(1)))));
  const outbound = outboundWith();
  const read = async (size: number) => (await (await outbound.fetch(`${server.url}/${size}`)).arrayBuffer()).byteLength;
  expect(await read(16 * MB)).toBe(16 * MB);
  expect(await problemOf(read(16 * MB + 1))).toMatch(saying('too_large'));
});

test.each([
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
])('a body in %s is decoded though nobody asked for it', async (encoding, encode) => {
  const server = await startServer((request, response) => {
    expect(request.headers['accept-encoding']).toBeUndefined();
    response.setHeader('content-encoding', encoding).end(encode('{"a":1}'));
  });
  expect(await (await outboundWith().fetch(server.url)).json()).toEqual({ a: 1 });
});

test('a body that cannot be decoded is the fault of the host', async () => {
  const server = await startServer(({ url }, response) =>
    response.setHeader('content-encoding', url?.slice(1) ?? '').end('plain'),
  );
  const outbound = outboundWith();
  const read = async (encoding: string) => (await outbound.fetch(`${server.url}/${encoding}`)).text();
  expect(await problemOf(read('gzip'))).toMatch(saying('unavailable', 'cannot be decoded'));
  expect(await problemOf(read('zstd'))).toMatch(saying('unavailable', '"zstd"'));
});

test('a host that does not answer, or stops in the middle, is left in time', async () => {
  const server = await startServer((request, response) => {
    if (request.url === '/middle') response.write('begun');
  });
  const limits = { headersMs: 100, idleMs: 100 };
  const outbound = outboundWith();
  expect(await problemOf(outbound.fetch(server.url, { limits }))).toMatch(saying('timeout', 'no answer in time'));
  const response = await outbound.fetch(`${server.url}/middle`, { limits });
  expect(await problemOf(response.text())).toMatch(saying('timeout', 'stopped in the middle'));
});

test('a stream arrives as it is sent, and its sender hears when the reader leaves', async () => {
  let hasEnded = false;
  const server = await startServer((_, response) => {
    response.setHeader('content-type', 'text/event-stream').write('data: 1\n\n');
    response.on('close', () => (hasEnded = true));
  });
  const reader = (await outboundWith().fetch(server.url)).body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('data: 1\n\n');
  await reader?.cancel();
  await vi.waitFor(() => expect(hasEnded).toBe(true));
});

test('a sender is held back while nobody reads, and left when that takes too long', async () => {
  let sender: ServerResponse | undefined;
  const server = await startServer((_, response) => {
    sender = response.setHeader('content-type', 'text/event-stream');
    for (let i = 0; i < 64; i++) response.write(Buffer.alloc(MB));
  });
  const response = await outboundWith().fetch(server.url, { limits: { idleMs: 800 } });
  await sleep(500);
  expect(sender?.writableLength).toBeGreaterThan(0);
  expect(sender?.closed).toBe(false);
  await vi.waitFor(() => expect(sender?.closed).toBe(true));
  expect(await problemOf(response.text())).toMatch(saying('timeout', 'not read'));
});

test('a connection that does not come about is given up after some seconds', async () => {
  const outbound = outboundWith({ lookup: () => new Promise(() => {}) });
  expect(await problemOf(outbound.fetch('http://slow.example'))).toMatch(
    saying('timeout', 'slow.example', 'no connection'),
  );
});

test('an aborted call ends with the reason of its signal, at every stage, and the connection with it', async () => {
  let closed = 0;
  const server = await startServer((request, response) => {
    response.on('close', () => closed++);
    if (request.url === '/body') response.write('begun');
  });
  const outbound = outboundWith();
  const aborted = { signal: AbortSignal.abort() };
  await expect(outbound.fetch(server.url, aborted)).rejects.toMatchObject({ name: 'AbortError' });

  const waiting = new AbortController();
  const answer = outbound.fetch(server.url, { signal: waiting.signal });
  setTimeout(() => waiting.abort(), 50);
  await expect(answer).rejects.toMatchObject({ name: 'AbortError' });

  const reading = new AbortController();
  const { body } = await outbound.fetch(`${server.url}/body`, { signal: reading.signal });
  setTimeout(() => reading.abort(new Error('enough')), 50);
  await expect(new Response(body).text()).rejects.toThrow('enough');
  await vi.waitFor(() => expect(closed).toBe(2));

  const timed = { signal: AbortSignal.timeout(50) };
  await expect(outbound.fetch(server.url, timed)).rejects.toMatchObject({ name: 'TimeoutError' });
});

test('an abort while the name is being resolved does not wait for it', async () => {
  const outbound = outboundWith({ lookup: () => new Promise(() => {}) });
  const startedAt = performance.now();
  const answer = outbound.fetch('http://slow.example', { signal: AbortSignal.timeout(50) });
  await expect(answer).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test('a host that cannot be reached is unavailable, with the cause kept and no query shown', async () => {
  const outbound = outboundWith();
  const { url } = await startServer((request, response) => {
    if (request.url === '/status') response.writeHead(999).end();
    else response.destroy();
  });
  const unreachable = outbound.fetch('http://127.0.0.1:9/?key=secret');
  await expect(unreachable).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  expect(await problemOf(unreachable)).toBe('unavailable: 127.0.0.1:9 cannot be reached: the connection was refused');
  expect(await problemOf(outbound.fetch(url))).toMatch(saying('unavailable'));
  expect(await problemOf(outbound.fetch(`${url}/status`))).toMatch(saying('unavailable'));
  expect(await problemOf(outbound.fetch(url, { headers: { expect: 'x' } }))).toMatch(saying('invalid', 'malformed'));
  const unknown = outboundWith({
    lookup: () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })),
  });
  expect(await problemOf(unknown.fetch('http://nowhere.example'))).toMatch(
    saying('unavailable', 'nowhere.example', 'does not exist'),
  );
});

test('after the shutdown nothing is open and nothing goes out', async () => {
  const server = await startServer((request, response) => {
    if (request.url === '/open') response.write('begun');
  });
  const app = await NestFactory.createApplicationContext(
    {
      module: class {},
      imports: [ConfigModule.forRoot(Config.load({ ALLOWED_NETWORKS: LOOPBACK.join() })), OutboundModule],
    },
    { logger: false },
  );
  const outbound = app.get(Outbound);
  const stream = await outbound.fetch(`${server.url}/open`);
  const waiting = problemOf(outbound.fetch(server.url));
  await sleep(50);
  await app.close();
  expect(await waiting).toMatch(saying('unavailable', 'shutting down'));
  expect(await problemOf(stream.text())).toMatch(saying('unavailable', 'shutting down'));
  expect(await problemOf(outbound.fetch(server.url))).toMatch(saying('unavailable', 'shutting down'));
});
