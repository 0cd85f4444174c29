import { Client as LatestClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LatestTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client as OldClient } from '@modelcontextprotocol/sdk-1.17/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk-1.17/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';

interface AnyClient {
  listTools(): Promise<{ tools: { name: string; title?: string; description?: string; inputSchema: object }[] }>;
  callTool(
    request: { name: string; arguments: Record<string, unknown> },
    schema?: undefined,
    options?: {
      onprogress?: (progress: { progress: number; message?: string }) => void;
      signal?: AbortSignal;
      timeout?: number;
    },
  ): Promise<unknown>;
  close(): Promise<void>;
}

/** What the researcher says while it works. */
const STAGES = [
  'Planning the research',
  'Looking for sources (1 of 4)',
  'Reading (2 of 4)',
  'Comparing what they say (3 of 4)',
  'Writing it up (4 of 4)',
];

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  for (const name of ['echo', 'researcher', 'long-runner'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

const requestInit = { headers: { authorization: `Bearer ${ADMIN_KEY}` } };
const GENERATIONS: Record<string, () => Promise<AnyClient>> = {
  'client 2.4, 2026-07-28': async () => modern(await server.mcp('modern')),
  'client 2.4, legacy': async () => modern(await server.mcp('legacy')),
  'SDK 1.32': async () => {
    const client = new LatestClient({ name: 'latest', version: '1' });
    await client.connect(new LatestTransport(new URL('/mcp', server.url), { requestInit }));
    return client as unknown as AnyClient;
  },
  'SDK 1.17': async () => {
    const client = new OldClient({ name: 'old', version: '1' });
    await client.connect(new OldTransport(new URL('/mcp', server.url), { requestInit }));
    return client as unknown as AnyClient;
  },
};

/** Client 2 takes no result schema. */
function modern(client: Awaited<ReturnType<TestServer['mcp']>>): AnyClient {
  return {
    listTools: () => client.listTools() as ReturnType<AnyClient['listTools']>,
    callTool: (request, _, options) => client.callTool(request, options),
    close: () => client.close(),
  };
}

describe.each(Object.keys(GENERATIONS))('%s', (generation) => {
  let client: AnyClient;
  beforeAll(async () => {
    client = (await GENERATIONS[generation]?.()) ?? expect.fail();
  });
  afterAll(() => client.close());

  test('lists a tool for each agent and each skill, sorted, with names every client takes', async () => {
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    expect(names).toEqual(
      expect.arrayContaining([
        'describe_agent',
        'echo',
        'echo__echo',
        'list_agents',
        'long-runner',
        'researcher',
        'researcher__research',
      ]),
    );
    const research = tools.find(({ name }) => name === 'researcher__research');
    expect(research).toMatchObject({
      title: 'Researcher: Research a question',
      inputSchema: { required: ['message'] },
    });
    expect(research?.description).toMatch(/Examples:\n- What is the Agent2Agent protocol\?/);
  });

  test('calls one and sees its progress, which grows', async () => {
    const seen: { progress: number; message?: string }[] = [];
    const result = await client.callTool({ name: 'researcher', arguments: { message: 'Why in 2s' } }, undefined, {
      onprogress: (progress) => seen.push(progress),
    });
    expect(result).toMatchObject({ content: [{ type: 'text' }, { type: 'text' }] });
    // Of two that come at once, as on a busy machine, only the newer is told.
    const told = seen.flatMap(({ message = '' }) => (STAGES.includes(message) ? message : []));
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(told).toEqual(STAGES.filter((stage) => told.includes(stage)));
    expect(seen.every(({ progress }, i) => i === 0 || progress > (seen[i - 1]?.progress ?? 0))).toBe(true);
  });

  // MCP 2026-07-28 has no cancel but hanging up, and a client that hung up may only have lost its connection.
  const isCancel = generation !== 'client 2.4, 2026-07-28';
  test(`${isCancel ? 'a cancel reaches the agent' : 'hanging up leaves the task alone'}`, async () => {
    const before = await agents.ledger('long-runner');
    const cancel = new AbortController();
    const call = client.callTool(
      { name: 'long-runner', arguments: { message: isCancel ? 'for 60 s' : 'for 3 s' } },
      undefined,
      {
        signal: cancel.signal,
        onprogress: () => cancel.abort('enough'),
      },
    );
    await expect(call).rejects.toThrow(/enough|abort/i);
    const [task] = (await server.json<{ items: { taskId: string }[] }>(200, 'GET', '/api/v1/tasks?page_size=1')).items;
    const state = async () => (await server.json<{ state: string }>(200, 'GET', `/api/v1/tasks/${task?.taskId}`)).state;
    await expect.poll(state, { timeout: 20_000 }).toBe(isCancel ? 'canceled' : 'completed');
    const cancels = async () => (await agents.ledger('long-runner')).cancels.length - before.cancels.length;
    await expect.poll(cancels, { timeout: 10_000 }).toBe(isCancel ? 1 : 0);
  });

  test('an unknown tool is a protocol error, bad arguments are told to the model', async () => {
    await expect(client.callTool({ name: 'nobody', arguments: { message: 'x' } })).rejects.toMatchObject({
      code: -32602,
    });
    expect(await client.callTool({ name: 'echo', arguments: {} })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('message') }],
    });
  });
});

test('a skill tool tells the agent which skill is meant', async () => {
  const client = await server.mcp();
  expect(await client.callTool({ name: 'echo__echo', arguments: { message: 'hi' } })).toMatchObject({
    content: [{ text: 'hi' }],
  });
  await client.close();
});

test('list_agents and describe_agent tell what there is', async () => {
  const client = await server.mcp();
  const all = await client.callTool({ name: 'list_agents', arguments: {} });
  expect(all.structuredContent).toMatchObject({
    agents: [{ id: 'echo', tools: ['echo', 'echo__echo'] }, { id: 'long-runner' }, { id: 'researcher' }],
  });
  const some = await client.callTool({ name: 'list_agents', arguments: { search: 'RESEARCH' } });
  expect(some.structuredContent).toMatchObject({ agents: [{ id: 'researcher' }] });
  const one = await client.callTool({ name: 'describe_agent', arguments: { id: 'researcher' } });
  expect(one.structuredContent).toMatchObject({
    id: 'researcher',
    skills: [{ id: 'research', examples: expect.any(Array) }, {}],
  });
  expect(await client.callTool({ name: 'describe_agent', arguments: { id: 'nobody' } })).toMatchObject({
    isError: true,
  });
  expect(await client.callTool({ name: 'describe_agent', arguments: { name: 'echo' } })).toMatchObject({
    isError: true,
    content: [{ text: expect.stringMatching(/id: .*required|id: .*expected string.*name/) }],
  });
  await client.close();
});

test.each(['modern', 'legacy'] as const)(
  'a change of the registry reaches a %s client as list_changed',
  async (era) => {
    let changes = 0;
    const client = await server.mcp(era, ADMIN_KEY, { tools: { onChanged: () => changes++ } });
    await client.listTools();
    await agents.changeCard('echo', {
      skills: [{ id: `other-${era}`, name: 'Other', description: 'Another skill', tags: [] }],
    });
    await server.json(200, 'POST', '/api/v1/agents/echo/refresh');
    await expect.poll(() => changes, { timeout: 10_000 }).toBeGreaterThan(0);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain(`echo__other-${era}`);
    await agents.changeCard('echo', {});
    await server.json(200, 'POST', '/api/v1/agents/echo/refresh');
    await client.close();
  },
);

test('a silent agent still shows progress every 10 seconds', async () => {
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('flaky') });
  const client = await server.mcp();
  const stop = new AbortController();
  const beat = new Promise<string>((resolve) => {
    const onprogress = ({ message = '' }: { message?: string }) => {
      if (message.includes('is working')) resolve(message);
    };
    client
      .callTool({ name: 'flaky', arguments: { message: 'stall' } }, { onprogress, signal: stop.signal })
      .catch(() => undefined);
  });
  const started = performance.now();
  expect(await beat).toMatch(/^Flaky is working \(\d+ s\)$/);
  expect(performance.now() - started).toBeLessThan(10_000);
  stop.abort();
  await client.close();
});
