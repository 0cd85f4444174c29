import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EventStreams, type StreamedEvent } from '@app/web';

type Source = (signal: AbortSignal) => AsyncIterable<StreamedEvent>;

let streams: EventStreams;
let source: Source;
let ends: Promise<string>[];
const server = createServer((_, response: ServerResponse) => {
  ends.push(streams.send(response, 'me', source).catch((error: Error) => error.message));
});

beforeEach(async () => {
  streams = new EventStreams();
  ends = [];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  vi.useRealTimers();
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

async function get(method = 'GET'): Promise<IncomingMessage> {
  const sent = request({ port: (server.address() as AddressInfo).port, method });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

const event = (id: number, size = 0): StreamedEvent => ({ id, event: 'status', data: 'x'.repeat(size) });
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));

/** Never waits for its reader; counts how often it was asked. */
function endless(size: number): Source & { asked: number } {
  const events = Object.assign(
    async function* (signal: AbortSignal) {
      while (!signal.aborted) yield event(++events.asked, size);
    },
    { asked: 0 },
  );
  return events;
}

/** Says one thing and then waits. */
const quiet: Source = async function* (signal) {
  yield event(1);
  await aborted(signal);
};

test('events are written as they come, with their numbers, and the answer ends with the last one', async () => {
  source = async function* () {
    yield event(7);
    yield { id: 8, event: 'result', data: { text: 'two\nlines' } };
  };
  const response = await get();
  expect(response.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
  });
  expect(await text(response)).toBe(
    'retry: 1000\n\nid: 7\nevent: status\ndata: ""\n\nid: 8\nevent: result\ndata: {"text":"two\\nlines"}\n\n',
  );
  expect(await ends[0]).toBe('complete');
});

test('a reader that stops reading is not written to, and cut off after 30 s', async () => {
  const events = endless(10_000);
  source = events;
  const response = await get();
  await once(response, 'readable');
  let before = -1;
  // What the sockets of both sides hold.
  while (before !== events.asked) {
    before = events.asked;
    await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(events.asked).toBeLessThan(2_000);
  await vi.advanceTimersByTimeAsync(31_000);
  expect(await ends[0]).toBe('stalled');
  await expect(text(response)).rejects.toThrow('aborted');
});

test('a slow reader gets a large event whole, and only as fast as it reads', async () => {
  source = async function* () {
    yield event(1, 20_000_000);
    yield event(2);
  };
  const response = await get();
  let length = 0;
  for await (const chunk of response) {
    length += (chunk as Buffer).length;
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(length).toBeGreaterThan(20_000_000);
  expect(await ends[0]).toBe('complete');
});

test('a reader that hangs up ends the reading of the source', async () => {
  source = quiet;
  const response = await get();
  await once(response, 'data');
  response.destroy();
  expect(await ends[0]).toBe('gone');
});

test('a quiet stream says every 15 s that it is alive', async () => {
  source = quiet;
  const response = await get();
  let heard = '';
  response.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  vi.advanceTimersByTime(30_000);
  vi.useRealTimers();
  await vi.waitFor(() => expect(heard.split(': waiting\n\n')).toHaveLength(3), { timeout: 10_000 });
});

test('all streams end when the process stops, those that nobody reads too', async () => {
  source = quiet;
  const reading = await get();
  const events = endless(100_000);
  source = events;
  const stuck = await get();
  vi.useRealTimers();
  let asked = -1;
  // Until the sockets of both sides hold no more.
  while (asked !== events.asked) {
    asked = events.asked;
    await sleep(300);
  }
  streams.onModuleDestroy();
  expect(await text(reading)).toContain('id: 1');
  await expect(text(stuck)).rejects.toThrow('aborted');
  expect(await Promise.all(ends)).toEqual(['stopping', 'gone']);
  expect(events.asked).toBe(asked);
  source = quiet;
  expect(await text(await get())).not.toContain(': waiting');
});

test('what the source throws ends the answer and is thrown on', async () => {
  source = async function* () {
    yield event(1);
    throw new Error('the database is away');
  };
  expect(await text(await get())).toContain('id: 1');
  expect(await ends[0]).toBe('the database is away');
});

test('HEAD has the headers and asks for nothing', async () => {
  source = quiet;
  const response = await get('HEAD');
  expect(response.headers['content-type']).toContain('text/event-stream');
  await ends[0];
});

test('1,000 streams are open for one principal at most, and those that end make room', async () => {
  source = quiet;
  const readers = await Promise.all(Array.from({ length: 1_000 }, () => get()));
  expect(() => streams.admit('me')).toThrow('Too many open event streams: at most 1000');
  streams.admit('somebody else');
  readers[0]?.destroy();
  await ends[0];
  await Promise.race(ends);
  streams.admit('me');
});
