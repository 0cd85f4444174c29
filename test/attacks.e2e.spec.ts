import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { principal } from './support/principals.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';

/** Longer than any honest answer takes on a busy machine, much shorter than an expression that runs away with 200,000 characters. */
const PROMPT_MS = 5_000;

let server: TestServer;
let reached = 0;
const inside = createServer((_, response) => {
  reached++;
  response.end('{}');
});
let port = 0;
beforeAll(async () => {
  inside.listen(0);
  await once(inside, 'listening');
  port = (inside.address() as AddressInfo).port;
  server = await startServer({ env: { ALLOWED_NETWORKS: '', TRUSTED_PROXIES: '127.0.0.0/8' } });
});
afterAll(async () => {
  await server.stop();
  inside.close();
});

describe('an agent cannot be somewhere inside', () => {
  test.each([
    'http://127.0.0.1:PORT/',
    'http://127.1:PORT/',
    'http://2130706433:PORT/',
    'http://0x7f000001:PORT/',
    'http://0177.0.0.1:PORT/',
    'http://0:PORT/',
    'http://0.0.0.0:PORT/',
    'http://localhost:PORT/',
    'http://LOCALHOST.:PORT/',
    'http://[::1]:PORT/',
    'http://[::]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://[::ffff:7f00:1]:PORT/',
    'http://[64:ff9b::7f00:1]:PORT/',
    'http://user:pass@127.0.0.1:PORT/',
    'http://example.com@127.0.0.1:PORT/',
    'http://127.0.0.1:PORT#@example.com/',
    'http://10.0.0.1/',
    'http://192.168.1.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fd00:ec2::254]/latest/meta-data/',
    'http://[fe80::1]/',
    'http://100.100.100.200/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:PORT/',
  ])('%s', async (url) => {
    const response = await server.call('POST', '/api/v1/agents', { url: url.replace('PORT', String(port)) });
    expect([400, 403, 404, 502]).toContain(response.status);
    const { detail } = (await response.json()) as { detail: string };
    expect(detail).toMatch(/url|forbidden|private|not allowed|refused|reach|resolve|http/i);
    expect(reached).toBe(0);
  });

  test('nor call there, whatever its card says', async () => {
    const card = { name: 'Inside', url: `http://127.0.0.1:${port}/`, skills: [] };
    const registered = await server.call('POST', '/api/v1/agents', { card, slug: 'inside' });
    const called =
      registered.status === 201
        ? await server.call('POST', '/api/v1/tasks', { agent: 'inside', message: 'x' }, { prefer: 'wait=10' })
        : registered;
    expect(JSON.stringify(await called.json())).toMatch(/forbidden|private|not allowed/i);
    expect(reached).toBe(0);
  });
});

describe('JSON that is not meant well', () => {
  const raw = (path: string, body: string) =>
    fetch(server.url + path, {
      method: 'POST',
      body,
      headers: {
        authorization: `Bearer ${ADMIN_KEY}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
    });

  test.each([
    ['deep', `${'{"x":'.repeat(50_000)}1${'}'.repeat(50_000)}`],
    ['deep in lists', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    ['a number without end', `{"name": ${'9'.repeat(100_000)}}`],
    ['a prototype', '{"name":"x","__proto__":{"roles":["admin"]}}'],
    ['a constructor', '{"name":"x","constructor":{"prototype":{"roles":["admin"]}}}'],
  ])('%s is refused', async (_, body) => {
    for (const path of ['/api/v1/api-keys', '/mcp']) {
      const response = await raw(path, body);
      expect([400, 413]).toContain(response.status);
    }
  });

  test('gives nobody a role', async () => {
    await raw('/api/v1/api-keys', '{"name":"x","__proto__":{"roles":["admin"]}}');
    const user = await principal(server);
    expect(await user.json(200, 'GET', '/api/v1/permissions/me')).toMatchObject({ roles: ['user'] });
    expect(({} as Record<string, unknown>)['roles']).toBeUndefined();
  });
});

describe('text that is not meant well', () => {
  const long = 'a'.repeat(200_000);
  test.each<[string, string, unknown]>([
    ['a name', '/api/v1/api-keys', { name: ' '.repeat(200_000) }],
    [
      'a principal',
      '/api/v1/permissions/grants',
      { principal: `user:${' '.repeat(200_000)}!`, actions: ['agents:read'], resources: '*' },
    ],
    [
      'a time zone',
      '/api/v1/permissions/grants',
      {
        principal: 'user:x',
        actions: ['agents:read'],
        resources: '*',
        timeRange: { from: '1'.repeat(200_000), to: '10:00', timeZone: long },
      },
    ],
    ['a date', '/api/v1/api-keys', { name: 'x', expiresAt: `2030-01-01T00:00:00.${'0'.repeat(200_000)}` }],
    ['a network', '/api/v1/rate-limits/blocked', { network: `${'1.'.repeat(100_000)}1/8` }],
    ['a slug', '/api/v1/agents', { url: 'http://example.com/', slug: `${'a-'.repeat(100_000)}!` }],
    ['a URL', '/api/v1/agents', { url: `http://${'a.'.repeat(50_000)}` }],
  ])('%s takes no time', async (_, path, body) => {
    const began = performance.now();
    expect((await server.call('POST', path, body)).status).toBe(400);
    expect(performance.now() - began).toBeLessThan(PROMPT_MS);
  });

  test.each([
    ['Authorization', { authorization: `Bearer ${' '.repeat(7_000)}x` }],
    ['X-Forwarded-For', { 'x-forwarded-for': `${'1.1.1.1, '.repeat(800)}x` }],
    ['traceparent', { traceparent: `00-${'0'.repeat(7_000)}` }],
    ['Prefer', { prefer: `${'wait=1, '.repeat(900)}` }],
    ['If-None-Match', { 'if-none-match': `${'"x",'.repeat(1_800)}` }],
  ])('the header %s takes no time', async (_, headers) => {
    const began = performance.now();
    const { status } = await server.call(
      'GET',
      '/api/v1/tasks',
      undefined,
      headers as unknown as Record<string, string>,
    );
    expect([200, 401]).toContain(status);
    expect(performance.now() - began).toBeLessThan(PROMPT_MS);
  });

  test('is no address', async () => {
    for (const address of ['junk', '1.2.3.4:5678', '[2001:db8::1]:5678', "' or 1=1", '203.0.113.1\u00e9'])
      expect(
        (await server.call('GET', '/api/v1/permissions/me', undefined, { 'x-forwarded-for': address })).status,
      ).toBe(200);
  });

  test('makes no line of the log, and no header of a request', async () => {
    const injected = 'x\r\nx-injected: 1\n{"level":"ERROR","message":"forged"}';
    const agent = {
      card: { name: injected, url: 'https://example.com/' },
      slug: 'lines',
      headers: { 'x-team': injected },
    };
    expect((await server.call('POST', '/api/v1/agents', agent)).status).toBe(400);
    await server.call('POST', '/api/v1/api-keys', { name: injected });
    await fetch(`${server.url}/api/v1/agents/${encodeURIComponent(injected)}`, { headers: { 'x-api-key': 'wrong' } });
    expect(server.logs.map(({ message }) => message)).not.toContain('forged');
  });
});
