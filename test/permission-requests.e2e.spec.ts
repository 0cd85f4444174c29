import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { rows } from './support/database.js';
import { principal } from './support/principals.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';

const REQUESTS = '/api/v1/permissions/requests';
const WANTED = { actions: ['agents:call'], resources: [{ agent: 'echo' }], reason: 'to try it' };

interface RequestView {
  id: string;
  state: string;
  grantId?: string;
}

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

test('asked for, approved, used', async () => {
  const user = await principal(server);
  const asked = await user.json<RequestView>(201, 'POST', REQUESTS, WANTED);
  expect(asked).toMatchObject({ state: 'pending', principal: user.principal, reason: 'to try it' });
  const pending = await server.json<{ items: RequestView[] }>(200, 'GET', `${REQUESTS}?state=pending`);
  expect(pending.items.map(({ id }) => id)).toContain(asked.id);
  const { request, grant } = await server.json<{ request: RequestView; grant: { id: string } }>(
    200,
    'POST',
    `${REQUESTS}/${asked.id}/approve`,
    { reason: 'for a week', expiresAt: new Date(Date.now() + 7 * 86_400_000).toISOString() },
  );
  expect(request).toMatchObject({ state: 'approved', decidedBy: 'admin', grantId: grant.id });
  expect(await user.tool('echo', { message: 'hi' })).toContain('hi');
  expect((await server.call('POST', `${REQUESTS}/${asked.id}/deny`, {})).status).toBe(409);
});

test('an agent asks as well as a person does, and is known by slug and by id', async () => {
  const agent = await principal(server, { principal: 'agent:echo' });
  const asked = await agent.json<RequestView>(201, 'POST', REQUESTS, WANTED);
  for (const name of ['agent:echo', agent.principal]) {
    const { items } = await server.json<{ items: RequestView[] }>(200, 'GET', `${REQUESTS}?principal=${name}`);
    expect(items.map(({ id }) => id)).toEqual([asked.id]);
  }
  await server.json(200, 'POST', `${REQUESTS}/${asked.id}/approve`, {});
  expect(await agent.tool('echo', { message: 'hi' })).toContain('hi');
  const question = { principal: 'agent:echo', action: 'agents:call', agent: 'echo' };
  expect(await server.json(200, 'POST', '/api/v1/permissions/explain', question)).toMatchObject({ allowed: true });
});

test('denied', async () => {
  const user = await principal(server);
  const { id } = await user.json<RequestView>(201, 'POST', REQUESTS, WANTED);
  await server.json(200, 'POST', `${REQUESTS}/${id}/deny`, { reason: 'no' });
  expect(await user.json(200, 'GET', `${REQUESTS}/${id}`)).toMatchObject({ state: 'denied', decisionReason: 'no' });
  expect((await server.call('POST', `${REQUESTS}/${id}/approve`, {})).status).toBe(409);
});

test('of two who decide at the same time one comes too late', async () => {
  const user = await principal(server);
  const { id } = await user.json<RequestView>(201, 'POST', REQUESTS, WANTED);
  const decisions = await Promise.all(
    ['approve', 'approve', 'deny'].map((word) => server.call('POST', `${REQUESTS}/${id}/${word}`, {})),
  );
  expect(decisions.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
});

test('after 24 hours nobody can approve it', async () => {
  const user = await principal(server);
  const { id } = await user.json<RequestView & { requestExpiresAt: string }>(201, 'POST', REQUESTS, WANTED);
  const [row] = await rows(
    server.databaseUrl,
    `select round(extract(epoch from request_expires_at - created_at)) as seconds from permission_requests where id = ${id}`,
  );
  expect(row).toEqual({ seconds: '86400' });
  await rows(server.databaseUrl, `update permission_requests set request_expires_at = now() where id = ${id}`);
  expect(await user.json(200, 'GET', `${REQUESTS}/${id}`)).toMatchObject({ state: 'expired' });
  const late = await server.call('POST', `${REQUESTS}/${id}/approve`, {});
  expect(late.status).toBe(409);
  expect(await late.json()).toMatchObject({ detail: expect.stringContaining('expired') });
});

test('who asks learns nothing of which agents there are, and cannot approve', async () => {
  const user = await principal(server);
  const unknown = await user.json<RequestView>(201, 'POST', REQUESTS, { ...WANTED, resources: [{ agent: 'nothing' }] });
  expect((await server.call('POST', `${REQUESTS}/${unknown.id}/approve`, {})).status).toBe(404);
  expect((await user.call('POST', `${REQUESTS}/${unknown.id}/approve`, {})).status).toBe(403);
  const stranger = await principal(server);
  expect((await stranger.call('GET', `${REQUESTS}/${unknown.id}`)).status).toBe(404);
  expect((await stranger.call('POST', `${REQUESTS}/${unknown.id}/deny`, {})).status).toBe(404);
  expect((await user.json<RequestView>(200, 'POST', `${REQUESTS}/${unknown.id}/deny`, {})).state).toBe('denied');
});

test('only so many are open at a time', async () => {
  const user = await principal(server);
  await Promise.all(Array.from({ length: 50 }, () => user.json(201, 'POST', REQUESTS, WANTED)));
  expect((await user.call('POST', REQUESTS, WANTED)).status).toBe(409);
});

describe('from inside an MCP client', () => {
  test('a user asks, the administrator approves, and revokes', async () => {
    const user = await principal(server);
    expect(await user.tools()).toEqual(expect.arrayContaining(['list_permissions', 'request_permission']));
    expect(await user.tools()).not.toContain('approve_permission');
    const asked = JSON.parse(await user.tool('request_permission', WANTED)) as RequestView;
    const admin = await server.mcp('modern', ADMIN_KEY);
    const call = async (name: string, args: object) => {
      const { structuredContent, content } = await admin.callTool({ name, arguments: { ...args } });
      return (structuredContent ?? content) as Record<string, { id: string }>;
    };
    expect((await admin.listTools()).tools.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['approve_permission', 'grant_permission', 'revoke_permission']),
    );
    const { grant } = await call('approve_permission', { requestId: asked.id });
    expect(JSON.parse(await user.tool('list_permissions', {}))).toMatchObject({
      principal: user.principal,
      roles: ['user'],
      grants: [{ id: grant?.id, actions: ['agents:call'] }],
      requests: [],
    });
    expect(await user.tool('echo', { message: 'hi' })).toContain('hi');
    await call('revoke_permission', { grantId: grant?.id });
    await expect(user.tool('echo', { message: 'hi' })).rejects.toThrow(/echo/);
    const given = await call('grant_permission', { principal: user.principal, ...WANTED });
    expect(given).toMatchObject({ state: 'active', principal: user.principal });
    const second = JSON.parse(await user.tool('request_permission', WANTED)) as RequestView;
    expect(await call('approve_permission', { requestId: second.id, decision: 'deny' })).toMatchObject({
      request: { state: 'denied' },
    });
    await admin.close();
  });

  test('a user cannot call what is not shown', async () => {
    const user = await principal(server);
    await expect(
      user.tool('grant_permission', { principal: user.principal, actions: ['agents:call'], resources: '*' }),
    ).rejects.toThrow(/grant_permission/);
  });
});
