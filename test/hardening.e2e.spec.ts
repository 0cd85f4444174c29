import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { legacy, openGet, openListen } from './support/mcp-raw.js';
import { principal, type TestPrincipal } from './support/principals.js';
import { launch, startServer, type TestServer } from './support/server.js';
import { until } from './support/until.js';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

describe('on a given PostgreSQL the server does not start with', () => {
  const DATABASE_URL = 'postgres://127.0.0.1:1/x';
  test.each([
    ['an example', { ADMIN_API_KEY: 'change-me-please-now' }, /ADMIN_API_KEY: can be guessed/],
    ['a word for a password', { ADMIN_API_KEY: 'my-passw0rd-for-the-admin' }, /ADMIN_API_KEY: can be guessed/],
    ['few different characters', { ADMIN_API_KEY: 'abababababababababab' }, /ADMIN_API_KEY: can be guessed/],
    ['a short one', { ADMIN_API_KEY: 'x1y2z3' }, /ADMIN_API_KEY/],
    ['a token of the same kind', { METRICS_TOKEN: 'changeme' }, /METRICS_TOKEN: can be guessed/],
    [
      'a key of zeros',
      { SECRET_KEYS: `k1:${Buffer.alloc(32).toString('base64')}` },
      /SECRET_KEYS: the key k1 is not random/,
    ],
    [
      'a key that is a sentence',
      { SECRET_KEYS: `k1:${Buffer.from('aaaaaaaabbbbbbbbccccccccdddddddd').toString('base64')}` },
      /not random/,
    ],
  ])('%s', async (_, env, complaint) => {
    const program = launch({ DATABASE_URL, ...env });
    expect((await program.exited).code).toBe(1);
    expect(program.stderr()).toMatch(complaint);
    for (const secret of Object.values(env)) expect(program.stderr()).not.toContain(secret);
  });
});

describe('metrics', () => {
  const status = async ({ url }: TestServer, headers: Record<string, string> = {}) =>
    (await fetch(`${url}/metrics`, { headers })).status;

  test('are for private networks, and not for whoever comes through a proxy that nobody vouches for', async () => {
    expect(await status(server)).toBe(200);
    expect(await status(server, { 'x-forwarded-for': '10.0.0.1' })).toBe(403);
    expect(await status(server, { forwarded: 'for=10.0.0.1' })).toBe(403);
  });

  test('are for the networks that were named', async () => {
    await using closed = await startServer({ env: { METRICS_ALLOWED_NETWORKS: '203.0.113.0/24' } });
    expect(await status(closed)).toBe(403);
    await using behind = await startServer({
      env: { METRICS_ALLOWED_NETWORKS: '203.0.113.0/24', TRUSTED_PROXIES: '127.0.0.1/32' },
    });
    expect(await status(behind, { 'x-forwarded-for': '203.0.113.7' })).toBe(200);
    expect(await status(behind, { 'x-forwarded-for': '203.0.114.7' })).toBe(403);
    expect(await status(behind, { 'x-forwarded-for': '203.0.113.7, 198.51.100.1' })).toBe(403);
  });
});

describe('a browser', () => {
  test('of another origin is allowed nothing', async () => {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
    for (const path of ['/api/v1/agents', '/mcp']) {
      const preflight = await fetch(server.url + path, { method: 'OPTIONS', headers });
      const answer = await server.call('GET', path, undefined, { origin: 'https://evil.example' });
      for (const response of [preflight, answer])
        expect([...response.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  test('is told to guess no types and to frame nothing', async () => {
    const rest = await server.call('GET', '/api/v1/agents');
    expect(Object.fromEntries(rest.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'content-security-policy': expect.stringContaining("default-src 'self'"),
      'strict-transport-security': expect.any(String),
    });
    const mcp = await fetch(`${server.url}/mcp`, { method: 'POST' });
    expect(Object.fromEntries(mcp.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
  });
});

describe('an open MCP stream ends when its key is revoked', () => {
  type Stream = Awaited<ReturnType<typeof openGet>>;
  /** Whether it was open until then, and ended. */
  const endsWithItsKey = async (openStream: (user: TestPrincipal) => Promise<Stream>) => {
    const user = await principal(server);
    const stream = await openStream(user);
    const wasOpen = !stream.isOver;
    await server.json(204, 'DELETE', `/api/v1/api-keys/${user.id}`);
    await until('the stream ends', () => stream.isOver, 10_000);
    return wasOpen;
  };

  test('of a modern client', async () => {
    const listen = ({ headers }: TestPrincipal) => openListen(`${server.url}/mcp`, { toolsListChanged: true }, headers);
    expect(await endsWithItsKey(listen)).toBe(true);
  });

  test('of a legacy client', async () => {
    const listen = async ({ headers }: TestPrincipal) => {
      const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } };
      const begun = await legacy(`${server.url}/mcp`, 'initialize', params, headers);
      return openGet(`${server.url}/mcp`, { ...headers, 'mcp-session-id': String(begun.headers['mcp-session-id']) });
    };
    expect(await endsWithItsKey(listen)).toBe(true);
  });
});
