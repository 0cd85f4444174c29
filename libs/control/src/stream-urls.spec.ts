import { Config } from '@app/config';
import { KeyRing } from '@app/secrets';
import { afterEach, expect, test, vi } from 'vitest';
import { STREAM_TICKET_TTL_MS, StreamUrls } from './stream-urls.js';

const keyRing = new KeyRing([`k1:${Buffer.alloc(32).toString('base64')}`]);
const caller = { id: 'key:1', keyId: '1', credential: '1', roles: [], groups: [], permissions: new Set([]) };
const streamUrls = (env: Record<string, string>) => new StreamUrls(Config.load(env), keyRing);

afterEach(() => {
  vi.useRealTimers();
});

test.each<[Record<string, string>, string]>([
  [{}, 'ws://127.0.0.1:8787/stream?'],
  [{ HOST: '0.0.0.0', STREAM_PORT: '9000' }, 'ws://localhost:9000/stream?'],
  [{ HOST: '::1' }, 'ws://[::1]:8787/stream?'],
  [{ PUBLIC_URL: 'https://agents.example.com/a2a' }, 'wss://agents.example.com:8787/stream?'],
  [{ PUBLIC_URL: 'http://x', PUBLIC_STREAM_URL: 'wss://live.example.com/ws/' }, 'wss://live.example.com/ws/stream?'],
])('with %j a stream is at %s', (env, beginning) => {
  expect(streamUrls(env).urlFor(caller, 'r')).toContain(beginning);
});

test('with any port it is where the door listens', () => {
  const streams = streamUrls({ STREAM_PORT: '0' });
  streams.listening(4711);
  expect(streams.urlFor(caller, 'r')).toContain('ws://127.0.0.1:4711/stream?');
});

test('a ticket opens its request, for whoever it was made, until it expires', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const streams = streamUrls({});
  const ticket = new URL(streams.urlFor(caller, 'mine')).searchParams.get('ticket') ?? '';
  expect(streams.open(ticket, 'mine')).toEqual({ requestId: 'mine', credential: '1' });
  expect(streams.open(ticket, 'yours')).toBeUndefined();
  expect(streams.open('k1.e30.x', 'mine')).toBeUndefined();
  vi.advanceTimersByTime(STREAM_TICKET_TTL_MS - 1);
  expect(streams.open(ticket, 'mine')).toBeDefined();
  vi.advanceTimersByTime(1);
  expect(streams.open(ticket, 'mine')).toBeUndefined();
});
