import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type TestServer } from './support/server.js';

const CONTROL_TOOLS = [
  'cancel',
  'close_session',
  'describe_agent',
  'get_status',
  'handoff',
  'invoke_agent',
  'list_agents',
  'open_session',
];

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const answerTo = async (headers: Record<string, string>) =>
  (await fetch(`${server.url}/api/v1/agents`, { headers })).status;

test('no key, a wrong key and a wrong scheme are 401; nothing says which', async () => {
  expect(await answerTo({})).toBe(401);
  expect(await answerTo({ authorization: 'Bearer a2a_0000000000000000_wrong' })).toBe(401);
  expect(await answerTo({ authorization: 'Basic eDp5' })).toBe(401);
  expect(await answerTo({ 'x-api-key': 'x'.repeat(4_000) })).toBe(401);
  const response = await fetch(`${server.url}/mcp`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
  });
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe('Bearer');
  expect(await response.json()).toMatchObject({
    jsonrpc: '2.0',
    error: { message: expect.stringContaining('API key') },
  });
});

test('a key is shown once, opens both doors until it is revoked, and is stored as a hash', async () => {
  const created = await server.json<{ id: string; key: string; name: string }>(201, 'POST', '/api/v1/api-keys', {
    name: 'ci',
  });
  expect(created.key).toMatch(/^a2a_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
  expect(await answerTo({ authorization: `Bearer ${created.key}` })).toBe(200);
  expect(await answerTo({ 'x-api-key': created.key })).toBe(200);
  const client = await server.mcp('modern', created.key);
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(CONTROL_TOOLS);

  const listed = await server.json<{ items: object[] }>(200, 'GET', '/api/v1/api-keys');
  expect(listed.items).toEqual([{ id: created.id, name: 'ci', createdAt: expect.any(String), revokedAt: null }]);
  await server.json(204, 'DELETE', `/api/v1/api-keys/${created.id}`);
  expect(await answerTo({ authorization: `Bearer ${created.key}` })).toBe(401);
  await expect(client.callTool({ name: 'list_agents', arguments: {} })).rejects.toThrow(/unknown or revoked/);
  await client.close();
  expect((await server.call('DELETE', `/api/v1/api-keys/${created.id}`)).status).toBe(404);
});

test('bad input names the field', async () => {
  for (const body of [{}, { name: '' }, { name: 'x', role: 'admin' }]) {
    const response = await server.call('POST', '/api/v1/api-keys', body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ detail: expect.stringMatching(/name|role/) });
  }
});

test('the bootstrap key is never a row', async () => {
  const listed = await server.json<{ items: { name: string; revokedAt: string | null }[] }>(
    200,
    'GET',
    '/api/v1/api-keys',
  );
  expect(listed.items.filter(({ revokedAt }) => revokedAt === null)).toEqual([]);
});

test.each([
  'oauth-protected-resource',
  'oauth-protected-resource/mcp',
  'oauth-authorization-server',
  'openid-configuration',
])('/.well-known/%s is a plain 404, so that clients use their key', async (name) => {
  const response = await fetch(`${server.url}/.well-known/${name}`);
  expect(response.status).toBe(404);
  expect(response.headers.get('www-authenticate')).toBeNull();
});
