import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents } from './support/agents.js';
import { principal } from './support/principals.js';
import { startServer, type TestServer } from './support/server.js';

const TOOLS_OF_A_USER = [
  'answer_workflow',
  'cancel',
  'close_session',
  'describe_agent',
  'get_status',
  'handoff',
  'invoke_agent',
  'list_agents',
  'list_permissions',
  'open_session',
  'request_permission',
];

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const answerTo = async (headers: Record<string, string>) =>
  (await fetch(`${server.url}/api/v1/permissions/me`, { headers })).status;

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
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(TOOLS_OF_A_USER);

  const listed = await server.json<{ items: object[] }>(200, 'GET', '/api/v1/api-keys');
  expect(listed.items).toEqual([
    {
      id: created.id,
      name: 'ci',
      principal: `key:${created.id}`,
      roles: ['user'],
      groups: [],
      createdAt: expect.any(String),
      createdBy: 'admin',
      expiresAt: null,
      lastUsedAt: null,
      revokedAt: null,
      replacedBy: null,
    },
  ]);
  await server.json(204, 'DELETE', `/api/v1/api-keys/${created.id}`);
  expect(await answerTo({ authorization: `Bearer ${created.key}` })).toBe(401);
  await expect(client.callTool({ name: 'list_agents', arguments: {} })).rejects.toThrow(/unknown, expired or revoked/);
  await client.close();
  expect((await server.call('DELETE', `/api/v1/api-keys/${created.id}`)).status).toBe(404);
});

test('a key expires', async () => {
  const expiresAt = new Date(Date.now() + 5_000).toISOString();
  const { key } = await server.json<{ key: string }>(201, 'POST', '/api/v1/api-keys', { name: 'brief', expiresAt });
  expect(await answerTo({ 'x-api-key': key })).toBe(200);
  await expect.poll(() => answerTo({ 'x-api-key': key }), { timeout: 15_000 }).toBe(401);
});

test('it is known when a key was last used', async () => {
  const { id, headers } = await principal(server);
  expect(await answerTo(headers)).toBe(200);
  const lastUsed = async () => {
    const { items } = await server.json<{ items: { id: string; lastUsedAt: string | null }[] }>(
      200,
      'GET',
      `/api/v1/api-keys?principal=key:${id}`,
    );
    expect(items).toHaveLength(1);
    return items[0]?.lastUsedAt;
  };
  await expect.poll(lastUsed, { timeout: 70_000, interval: 1_000 }).toEqual(expect.any(String));
}, 80_000);

test('nobody gives a role or a group that is not his to give', async () => {
  const keeper = await principal(server, { roles: ['user'] });
  await server.json(201, 'POST', '/api/v1/permissions/grants', {
    principal: keeper.principal,
    actions: ['keys:write'],
    resources: '*',
  });
  const make = async (input: object) => (await keeper.call('POST', '/api/v1/api-keys', { name: 'x', ...input })).status;
  expect(await make({})).toBe(201);
  expect(await make({ roles: ['admin'] })).toBe(403);
  expect(await make({ roles: ['viewer'] })).toBe(403);
  expect(await make({ groups: ['leads'] })).toBe(403);
  expect(await make({ principal: 'user:boss' })).toBe(403);
  const admin = await principal(server, { roles: ['admin'] });
  expect((await keeper.call('POST', `/api/v1/api-keys/${admin.id}/rotate`, {})).status).toBe(403);
});

test('a key is rotated once', async () => {
  const { id } = await principal(server);
  await server.json(201, 'POST', `/api/v1/api-keys/${id}/rotate`, {});
  expect((await server.call('POST', `/api/v1/api-keys/${id}/rotate`, {})).status).toBe(409);
  expect((await server.call('POST', '/api/v1/api-keys/0000000000000000/rotate', {})).status).toBe(404);
});

test('an agent as principal loses its keys when it is removed', async () => {
  await using agents = await startAgents();
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') });
  const agent = await principal(server, { principal: 'agent:echo' });
  expect(agent.principal).toMatch(/^agent:[0-9a-f-]{36}$/);
  expect(await answerTo(agent.headers)).toBe(200);
  await server.json(204, 'DELETE', '/api/v1/agents/echo');
  expect(await answerTo(agent.headers)).toBe(401);
});

test('bad input names the field', async () => {
  for (const body of [{}, { name: '' }, { name: 'x', role: 'admin' }, { name: 'x', roles: [] }]) {
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
  expect(listed.items.map(({ name }) => name)).not.toContain('admin');
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
