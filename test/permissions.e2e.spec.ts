import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { callerWith, principal, type TestPrincipal } from './support/principals.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';

interface GrantView {
  id: string;
  state: string;
  parentId?: string;
  resources: unknown;
}

const GRANTS = '/api/v1/permissions/grants';

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  const skillOf = (id: string) => ({ id, name: id, description: id, tags: [] });
  await agents.changeCard('files', { skills: [skillOf('hand-out'), skillOf('take-in')] });
  for (const name of ['echo', 'files', 'researcher'])
    await server.json(201, 'POST', '/api/v1/agents', {
      url: agents.url(name),
      tags: [name === 'files' ? 'documents' : 'talk'],
    });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

const grant = (body: object) => server.json<GrantView>(201, 'POST', GRANTS, { actions: ['agents:call'], ...body });
const revoke = (id: string) => server.json(200, 'DELETE', `${GRANTS}/${id}`);
const slugs = async (who: TestPrincipal) =>
  (await who.json<{ items: { slug: string }[] }>(200, 'GET', '/api/v1/agents')).items.map(({ slug }) => slug);
const start = async (who: TestPrincipal, agent: string, skill?: string) =>
  (await who.call('POST', '/api/v1/tasks', { agent, skill, message: 'hi' })).status;
const agentTools = async (who: TestPrincipal) =>
  (await who.tools()).filter((name) => /^(echo|files|researcher)/.test(name));

describe('a user', () => {
  test('sees and calls nothing without a grant, and nothing tells what there is', async () => {
    const user = await principal(server);
    expect((await user.call('GET', '/api/v1/agents')).status).toBe(403);
    const known = await user.call('GET', '/api/v1/agents/echo');
    const unknown = await user.call('GET', '/api/v1/agents/nothing');
    expect([known.status, unknown.status]).toEqual([403, 403]);
    expect(await agentTools(user)).toEqual([]);
    const starts = await Promise.all(
      ['echo', 'nothing'].map(async (agent) => {
        const response = await user.call('POST', '/api/v1/tasks', { agent, message: 'hi' });
        return [response.status, String(((await response.json()) as { detail: string }).detail).replace(agent, '…')];
      }),
    );
    expect(starts[0]).toEqual(starts[1]);
    expect(JSON.parse(await user.tool('list_agents', {}))).toEqual({ agents: [] });
    expect(await user.tool('describe_agent', { id: 'echo' })).toMatch(/not_found/);
    await expect(user.tool('echo', { message: 'hi' })).rejects.toThrow(/Unknown tool|not found/i);
  });

  test('sees and calls an agent that was granted, through every door, until it is revoked', async () => {
    const user = await principal(server);
    const { id } = await grant({ principal: user.principal, resources: [{ agent: 'echo' }] });
    expect(await slugs(user)).toEqual(['echo']);
    expect((await user.call('GET', '/api/v1/agents/echo')).status).toBe(200);
    expect((await user.call('GET', '/api/v1/agents/files')).status).toBe(404);
    expect((await agentTools(user)).every((name) => name.startsWith('echo'))).toBe(true);
    expect(await user.tool('echo', { message: 'hi' })).toContain('hi');
    expect(await start(user, 'echo')).toBe(202);
    expect(await start(user, 'files')).toBe(404);
    expect((await user.call('PATCH', '/api/v1/agents/echo', { category: 'x' })).status).toBe(403);
    await revoke(id);
    expect(await start(user, 'echo')).toBe(404);
    expect(await agentTools(user)).toEqual([]);
  });

  test('with one skill has that tool and sees no other', async () => {
    const user = await principal(server);
    const [skill, other] = ['hand-out', 'take-in'];
    await grant({ principal: user.principal, resources: [{ agent: 'files', skill }] });
    expect(await agentTools(user)).toEqual(['files__hand-out']);
    const seen = await user.json<{ skills: { id: string }[]; tools: object[] }>(200, 'GET', '/api/v1/agents/files');
    expect(seen.skills.map(({ id }) => id)).toEqual([skill]);
    expect(await start(user, 'files', skill)).toBe(202);
    expect(await start(user, 'files', other)).toBe(404);
    expect(await start(user, 'files')).toBe(403);
    expect((await user.call('GET', '/api/v1/agents/files/card')).status).toBe(403);
  });

  test('has what its groups have, and what everybody has', async () => {
    const member = await principal(server, { groups: ['writers'] });
    const writers = await grant({ group: 'writers', resources: [{ tag: 'documents' }] });
    const all = await grant({ group: '*', resources: [{ agent: 'echo' }] });
    expect(await slugs(member)).toEqual(['echo', 'files']);
    expect(await slugs(await principal(server))).toEqual(['echo']);
    await revoke(all.id);
    await revoke(writers.id);
  });

  test('is denied what a deny names, whatever his role', async () => {
    const operator = await principal(server, { roles: ['operator'] });
    expect(await start(operator, 'echo')).toBe(202);
    await grant({ principal: operator.principal, effect: 'deny', resources: [{ agent: 'echo' }], reason: 'busy' });
    const denied = await operator.call('POST', '/api/v1/tasks', { agent: 'echo', message: 'hi' });
    expect(denied.status).toBe(403);
    expect(await denied.json()).toMatchObject({
      code: 'forbidden',
      detail: expect.stringMatching(/denied by grant \d+/),
    });
    expect(await slugs(operator)).toEqual(['echo', 'files', 'researcher']);
    expect(await operator.tools()).not.toContain('echo');
    expect(await operator.tool('echo', { message: 'hi' })).toMatch(/forbidden: .*denied by grant/);
  });

  test('answers only while it may call', async () => {
    const user = await principal(server);
    const { id } = await grant({ principal: user.principal, resources: [{ agent: 'echo' }] });
    const { taskId } = await user.json<{ taskId: string }>(202, 'POST', '/api/v1/tasks', {
      agent: 'echo',
      message: 'hi',
    });
    await revoke(id);
    expect((await user.call('POST', `/api/v1/tasks/${taskId}/messages`, { message: 'more' })).status).toBe(404);
    expect((await user.call('GET', `/api/v1/tasks/${taskId}`)).status).toBe(200);
  });
});

test('who is denied tasks has none, at any door', async () => {
  const user = await principal(server, { roles: ['operator'] });
  await server.json(201, 'POST', GRANTS, {
    principal: user.principal,
    effect: 'deny',
    actions: ['tasks:write'],
    resources: '*',
  });
  expect((await user.call('POST', '/api/v1/sessions', {})).status).toBe(403);
  expect(await start(user, 'echo')).toBe(403);
  for (const [tool, args] of Object.entries({ open_session: {}, echo: { message: 'x' } }))
    expect(await user.tool(tool, args)).toMatch(/^forbidden: tasks:write/);
  expect((await user.call('GET', '/api/v1/tasks')).status).toBe(200);
});

test('a grant counts in its hours and until it expires', async () => {
  const user = await principal(server);
  const hour = (offset: number) => `${String((new Date().getUTCHours() + offset + 24) % 24).padStart(2, '0')}:00`;
  const resources = [{ agent: 'echo' }];
  const never = { from: hour(2), to: hour(3) };
  await grant({ principal: user.principal, resources, timeRange: never });
  expect(await start(user, 'echo')).toBe(404);
  await grant({ principal: user.principal, resources, timeRange: { from: hour(-1), to: hour(2) } });
  expect(await start(user, 'echo')).toBe(202);

  const brief = await principal(server);
  await grant({ principal: brief.principal, resources, expiresAt: new Date(Date.now() + 4_000).toISOString() });
  expect(await start(brief, 'echo')).toBe(202);
  await expect.poll(() => start(brief, 'echo'), { timeout: 15_000 }).toBe(404);
  await expect.poll(() => agentTools(brief), { timeout: 15_000 }).toEqual([]);
});

test('an agent that is registered again under the same slug inherits nothing', async () => {
  const user = await principal(server);
  await grant({ principal: user.principal, resources: [{ agent: 'researcher' }] });
  expect(await slugs(user)).toEqual(['researcher']);
  await server.json(204, 'DELETE', '/api/v1/agents/researcher');
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('researcher') });
  expect(await slugs(user)).toEqual([]);
  expect(await start(user, 'researcher')).toBe(404);
  const { items } = await user.json<{ items: GrantView[] }>(200, 'GET', GRANTS);
  expect(items[0]?.resources).toEqual([{ agentId: expect.any(String) }]);
});

test('a writer changes what it was granted, and moves nothing out of that', async () => {
  const writer = await principal(server);
  await grant({ principal: writer.principal, actions: ['agents:write'], resources: [{ tag: 'documents' }] });
  expect((await writer.call('PATCH', '/api/v1/agents/files', { category: 'mine' })).status).toBe(200);
  expect((await writer.call('PATCH', '/api/v1/agents/files', { tags: [] })).status).toBe(403);
  expect((await writer.call('PATCH', '/api/v1/agents/echo', { category: 'mine' })).status).toBe(404);
  expect((await writer.call('POST', '/api/v1/agents', { url: agents.url('legacy') })).status).toBe(403);
  const documents = { url: agents.url('legacy'), tags: ['documents'] };
  expect((await writer.call('POST', '/api/v1/agents', documents)).status).toBe(201);
  expect((await writer.call('DELETE', '/api/v1/agents/legacy')).status).toBe(204);
});

describe('handing on', () => {
  test('only what one holds, and it ends with that', async () => {
    const [lead, member] = [await principal(server), await principal(server)];
    const held = await grant({ principal: lead.principal, resources: [{ agent: 'echo' }], delegable: true });
    const give = (body: object) =>
      lead.call('POST', GRANTS, { principal: member.principal, actions: ['agents:call'], ...body });
    expect((await give({ resources: [{ agent: 'files' }] })).status).toBe(403);
    expect((await give({ resources: [{ agent: 'nothing' }] })).status).toBe(403);
    expect((await give({ resources: '*' })).status).toBe(403);
    expect((await give({ resources: [{ agent: 'echo' }], effect: 'deny' })).status).toBe(403);
    expect((await give({ resources: [{ agent: 'echo' }], actions: ['agents:write'] })).status).toBe(403);
    const given = await give({ resources: [{ agent: 'echo' }], delegable: true });
    const handedOn = (await given.json()) as GrantView;
    expect(handedOn).toMatchObject({ parentId: held.id });
    const last = await principal(server);
    await member.json(201, 'POST', GRANTS, {
      principal: last.principal,
      actions: ['agents:read'],
      resources: [{ agent: 'echo' }],
    });
    expect([await slugs(member), await slugs(last)]).toEqual([['echo'], ['echo']]);
    const { revoked } = await server.json<{ revoked: string[] }>(200, 'DELETE', `${GRANTS}/${held.id}?reason=over`);
    expect(revoked).toHaveLength(3);
    expect([await start(member, 'echo'), await start(last, 'echo')]).toEqual([404, 404]);
    expect((await server.call('DELETE', `${GRANTS}/${held.id}`)).status).toBe(409);
  });

  test('who has nothing to do with a grant does not find it', async () => {
    const [holder, stranger] = [await principal(server), await principal(server)];
    const { id } = await grant({ principal: holder.principal, resources: [{ agent: 'echo' }] });
    expect((await stranger.call('GET', `${GRANTS}/${id}`)).status).toBe(404);
    expect((await stranger.call('DELETE', `${GRANTS}/${id}`)).status).toBe(404);
    expect((await holder.call('GET', `${GRANTS}/${id}`)).status).toBe(200);
    const { items } = await stranger.json<{ items: unknown[] }>(200, 'GET', GRANTS);
    expect(items).toEqual([]);
  });
});

test('explain says yes or no, and what decided', async () => {
  const user = await principal(server);
  const { id } = await grant({ principal: user.principal, resources: [{ agent: 'echo' }] });
  const ask = (body: object, who: Pick<TestPrincipal, 'json'> = callerWith(server, ADMIN_KEY)) =>
    who.json<{ allowed: boolean; why: string; grants: GrantView[] }>(200, 'POST', '/api/v1/permissions/explain', body);
  const about = { principal: user.principal, action: 'agents:call' };
  expect(await ask({ ...about, agent: 'echo' })).toMatchObject({ allowed: true, why: `Allowed by grant ${id}.` });
  expect(await ask({ ...about, agent: 'files' })).toMatchObject({ allowed: false, grants: [] });
  const denied = await grant({ principal: user.principal, effect: 'deny', resources: [{ agent: 'echo' }] });
  expect(await ask({ action: 'agents:call', agent: 'echo' }, user)).toMatchObject({
    allowed: false,
    why: `Denied by grant ${denied.id}.`,
    grants: [{ id: denied.id }],
  });
  const other = { principal: 'user:somebody', action: 'agents:call', agent: 'echo' };
  expect((await user.call('POST', '/api/v1/permissions/explain', other)).status).toBe(403);
  const hidden = { action: 'agents:call', agent: 'files' };
  expect((await user.call('POST', '/api/v1/permissions/explain', hidden)).status).toBe(404);
});

test.each([
  [{}, /principal/],
  [{ principal: 'nobody' }, /principal/],
  [{ principal: 'user:x', group: 'y' }, /principal/],
  [{ principal: 'user:x', actions: [] }, /actions/],
  [{ principal: 'user:x', actions: ['agents:eat'] }, /actions/],
  [{ principal: 'user:x', resources: [] }, /resources/],
  [{ principal: 'user:x', resources: [{}] }, /resources/],
  [{ principal: 'user:x', resources: [{ agent: 'nothing' }] }, /resources\.0\.agent/],
  [{ principal: 'agent:nothing' }, /principal/],
  [{ principal: 'user:x', timeRange: { from: '25:00', to: '10:00' } }, /timeRange\.from/],
  [{ principal: 'user:x', timeRange: { from: '09:00', to: '10:00', timeZone: 'Mars' } }, /timeRange\.timeZone/],
  [{ principal: 'user:x', expiresAt: '2020-01-01T00:00:00Z' }, /expiresAt/],
  [{ principal: 'user:x', extra: 1 }, /extra/],
])('bad input names the field: %j', async (body, field) => {
  const response = await server.call('POST', GRANTS, { actions: ['agents:call'], resources: '*', ...body });
  expect([400, 404]).toContain(response.status);
  expect(await response.json()).toMatchObject({ detail: expect.stringMatching(field) });
});
