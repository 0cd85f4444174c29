import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { rows } from './support/database.js';
import { startServer, type TestServer } from './support/server.js';

interface AgentView {
  id: string;
  slug: string;
  name: string;
  tags: string[];
  enabled: boolean;
  cardUrl: string | null;
  refreshError: string | null;
  skills: { id: string }[];
  interfaces: { url: string; version: string }[];
  tools: { name: string; title: string; description: string }[];
}
interface PageOfAgents {
  items: AgentView[];
  nextPageToken?: string;
}

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

const register = (body: object) => server.json<AgentView>(201, 'POST', '/api/v1/agents', body);

describe('registering', () => {
  test('by base URL answers with the normalised agent and its tools', async () => {
    const response = await server.call('POST', '/api/v1/agents', {
      url: agents.url('echo'),
      tags: ['talk'],
      category: 'demo',
    });
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe('/api/v1/agents/echo');
    expect(response.headers.get('etag')).toBe('"1"');
    const agent = (await response.json()) as AgentView;
    expect(agent).toMatchObject({
      slug: 'echo',
      enabled: true,
      tags: ['talk'],
      cardUrl: `${agents.url('echo')}.well-known/agent-card.json`,
    });
    expect(agent.interfaces[0]).toMatchObject({ version: '1.0' });
    expect(agent.tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['echo']));
    expect(agent.tools.length).toBe(agent.skills.length + 1);
    for (const { name } of agent.tools) expect(name).toMatch(/^[a-z0-9_-]{1,48}$/);
  });

  test('by card URL, and an agent that only speaks 0.3', async () => {
    const agent = await register({ url: `${agents.url('legacy')}.well-known/agent-card.json` });
    expect(agent).toMatchObject({
      slug: 'legacy',
      interfaces: expect.arrayContaining([expect.objectContaining({ version: '0.3' })]),
    });
  });

  test('by an inline card keeps it verbatim', async () => {
    const card = (await (await fetch(`${agents.url('files')}.well-known/agent-card.json`)).json()) as object;
    const agent = await register({ card, slug: 'inline' });
    expect(agent.cardUrl).toBeNull();
    expect(await server.json(200, 'GET', '/api/v1/agents/inline/card')).toEqual(card);
    expect((await server.call('POST', '/api/v1/agents/inline/refresh')).status).toBe(400);
  });

  test('the same agent twice is a conflict, another of the same name gets a number', async () => {
    const again = await server.call('POST', '/api/v1/agents', { url: agents.url('echo') });
    expect(again.status).toBe(409);
    expect(await again.json()).toMatchObject({ code: 'conflict', detail: expect.stringContaining('echo') });
    const card = { ...(await server.json(200, 'GET', '/api/v1/agents/echo/card')) };
    expect(await register({ card })).toMatchObject({ slug: 'echo-2' });
    await server.json(204, 'DELETE', '/api/v1/agents/echo-2');
  });

  test.each([
    [{}, /url: expected either url or card/],
    [{ url: 'ftp://x' }, /url/],
    [{ url: 'http://127.0.0.1:1/', tags: 'no' }, /tags/],
    [{ url: 'http://127.0.0.1:1/', slug: 'Not A Slug' }, /slug: expected lower-case/],
    [{ url: 'http://127.0.0.1:1/', slug: 'cancel' }, /slug: is the name of a built-in tool/],
    [{ url: 'http://127.0.0.1:1/', headers: { Host: 'evil' } }, /headers: must not contain host/],
    [{ url: 'http://127.0.0.1:1/', surprise: 1 }, /surprise/],
    [{ card: { name: 'x' } }, /card|supportedInterfaces|url|description/],
  ])('bad input %j names the field and changes nothing', async (body, expected) => {
    const before = (await server.json<PageOfAgents>(200, 'GET', '/api/v1/agents')).items.length;
    const response = await server.call('POST', '/api/v1/agents', body);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({
      code: 'invalid',
      status: 400,
      detail: expect.stringMatching(expected),
    });
    expect((await server.json<PageOfAgents>(200, 'GET', '/api/v1/agents')).items.length).toBe(before);
  });

  test('an agent that does not answer is told with what was tried', async () => {
    const response = await server.call('POST', '/api/v1/agents', { url: 'http://127.0.0.1:1/' });
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining('127.0.0.1:1') });
  });

  test('an address that is not public and not allowed is refused and names the setting', async () => {
    const response = await server.call('POST', '/api/v1/agents', { url: 'http://169.254.169.254/' });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({
      code: 'forbidden',
      detail: expect.stringContaining('ALLOWED_NETWORKS'),
    });
  });

  test('bad JSON is a clear 400', async () => {
    const response = await fetch(`${server.url}/api/v1/agents`, {
      method: 'POST',
      headers: { authorization: 'Bearer test-admin-key-0123456789', 'content-type': 'application/json' },
      body: '{"url":',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid' });
  });
});

describe('finding', () => {
  test('by text, category, tag, skill and state, page by page', async () => {
    await register({ url: agents.url('researcher'), category: 'research', tags: ['talk', 'slow'] });
    const find = async (query: string) =>
      (await server.json<PageOfAgents>(200, 'GET', `/api/v1/agents?${query}`)).items.map(({ slug }) => slug);
    expect(await find('q=RESEARCHER')).toEqual(['researcher']);
    expect(await find('q=%25')).toEqual([]);
    expect(await find('category=demo')).toEqual(['echo']);
    expect(await find('tag=talk')).toEqual(['echo', 'researcher']);
    expect(await find('skill=summarize')).toEqual(['researcher']);
    expect(await find('skill=summariz')).toEqual([]);
    expect(await find('enabled=false')).toEqual([]);

    const seen: string[] = [];
    let token: string | undefined;
    do {
      const page = await server.json<PageOfAgents>(
        200,
        'GET',
        `/api/v1/agents?page_size=2${token ? `&page_token=${token}` : ''}`,
      );
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map(({ slug }) => slug));
      token = page.nextPageToken;
    } while (token !== undefined);
    expect(seen).toEqual(['echo', 'inline', 'legacy', 'researcher']);
    expect((await server.call('GET', '/api/v1/agents?page_token=***')).status).toBe(400);
    expect((await server.call('GET', '/api/v1/agents?page_size=0')).status).toBe(400);
  });

  test('by id and by slug; an unknown one is 404', async () => {
    const bySlug = await server.json<AgentView>(200, 'GET', '/api/v1/agents/echo');
    expect(await server.json(200, 'GET', `/api/v1/agents/${bySlug.id}`)).toEqual(bySlug);
    expect((await server.call('GET', '/api/v1/agents/nobody')).status).toBe(404);
  });
});

describe('changing', () => {
  test('an update with a stale ETag changes nothing', async () => {
    const etag = (await server.call('GET', '/api/v1/agents/echo')).headers.get('etag') ?? '';
    const changed = await server.call('PATCH', '/api/v1/agents/echo', { tags: ['new'] }, { 'if-match': etag });
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).not.toBe(etag);
    const stale = await server.call('PATCH', '/api/v1/agents/echo', { tags: ['newer'] }, { 'if-match': etag });
    expect(stale.status).toBe(412);
    expect((await server.call('DELETE', '/api/v1/agents/echo', undefined, { 'if-match': etag })).status).toBe(412);
    expect(await server.json(200, 'GET', '/api/v1/agents/echo')).toMatchObject({ tags: ['new'] });
    expect((await server.call('PATCH', '/api/v1/agents/echo', { slug: 'other' })).status).toBe(400);
  });

  test('credentials are shown to the agent, encrypted in the database and never shown again', async () => {
    const agent = await register({ url: agents.url('guarded') });
    await using client = await disposable(server.mcp());
    expect(await client.callTool({ name: agent.slug, arguments: { message: 'hello' } })).toMatchObject({
      isError: true,
    });
    for (const credentials of [
      { type: 'bearer', token: 'let-me-in' },
      { type: 'apiKey', in: 'header', name: 'X-Demo-Key', value: 'let-me-in' },
      { type: 'apiKey', in: 'query', name: 'demo_key', value: 'let-me-in' },
    ]) {
      await server.json(204, 'PUT', `/api/v1/agents/${agent.slug}/credentials`, credentials);
      const result = await client.callTool({ name: agent.slug, arguments: { message: 'hello' } });
      expect(result.isError, JSON.stringify([credentials, result])).toBeFalsy();
    }
    const secret = 'nobody-may-read-this';
    await server.json(204, 'PUT', `/api/v1/agents/${agent.slug}/credentials`, { type: 'bearer', token: secret });
    await server.json(200, 'PATCH', `/api/v1/agents/${agent.slug}`, { headers: { 'X-Tenant': secret } });
    const shown = JSON.stringify(await server.json(200, 'GET', `/api/v1/agents/${agent.slug}`));
    const logged = server.logs.map((line) => JSON.stringify(line)).join();
    const [{ sealed }] = (await rows(server.databaseUrl, 'select sealed from agent_credentials')) as [
      { sealed: string },
    ];
    for (const text of [shown, logged, sealed]) expect(text).not.toContain(secret);
    await server.json(204, 'DELETE', `/api/v1/agents/${agent.slug}/credentials`);
    expect(await client.callTool({ name: agent.slug, arguments: { message: 'hello' } })).toMatchObject({
      isError: true,
    });
    expect((await server.call('PUT', `/api/v1/agents/${agent.slug}/credentials`, { type: 'basic' })).status).toBe(400);
  });

  test('a disabled agent has no tools and cannot be called; enabled again it can', async () => {
    await using client = await disposable(server.mcp());
    await server.json(200, 'POST', '/api/v1/agents/echo/disable');
    expect((await client.listTools()).tools.map(({ name }) => name)).not.toContain('echo');
    await expect(client.callTool({ name: 'echo', arguments: { message: 'x' } })).rejects.toMatchObject({
      code: -32602,
    });
    await server.json(200, 'POST', '/api/v1/agents/echo/enable');
    expect(await client.callTool({ name: 'echo', arguments: { message: 'x' } })).not.toMatchObject({ isError: true });
  });

  test('a refreshed card with other skills has other tools; a broken one keeps the last good', async () => {
    await agents.changeCard('researcher', { skills: [{ id: 'dig', name: 'Dig', description: 'Digs deep', tags: [] }] });
    const refreshed = await server.json<AgentView>(200, 'POST', '/api/v1/agents/researcher/refresh');
    expect(refreshed.tools.map(({ name }) => name)).toEqual(['researcher', 'researcher__dig']);
    await agents.changeCard('researcher', { name: 7 });
    expect((await server.call('POST', '/api/v1/agents/researcher/refresh')).status).toBeGreaterThanOrEqual(400);
    expect(
      (await server.json<AgentView>(200, 'GET', '/api/v1/agents/researcher')).tools.map(({ name }) => name),
    ).toContain('researcher__dig');
    await agents.changeCard('researcher', {});
    await server.json(200, 'POST', '/api/v1/agents/researcher/refresh');
    await server.json(200, 'POST', '/api/v1/agents/researcher/refresh');
    expect((await agents.ledger('researcher')).cardNotModified).toBeGreaterThan(0);
  });

  test('health says whether the agent answers', async () => {
    expect(await server.json(200, 'GET', '/api/v1/agents/echo/health')).toMatchObject({ state: 'up' });
    const card = {
      ...(await server.json(200, 'GET', '/api/v1/agents/echo/card')),
      supportedInterfaces: [{ url: 'http://127.0.0.1:1/', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
    };
    await register({ card, slug: 'gone' });
    expect(await server.json(200, 'GET', '/api/v1/agents/gone/health')).toMatchObject({
      state: 'down',
      detail: expect.any(String),
    });
  });

  test('a removed agent is gone', async () => {
    await server.json(204, 'DELETE', '/api/v1/agents/gone');
    expect((await server.call('GET', '/api/v1/agents/gone')).status).toBe(404);
    expect((await server.call('DELETE', '/api/v1/agents/gone')).status).toBe(404);
  });
});

async function disposable<T extends { close(): Promise<void> }>(opened: Promise<T>): Promise<T & AsyncDisposable> {
  const client = await opened;
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}
