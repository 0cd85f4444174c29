import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';

interface ToolResult {
  isError?: boolean;
  content: { type: string; text?: string }[];
  structuredContent?: Record<string, unknown>;
}

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer({ env: { MCP_WAIT_SECONDS: '2' } }), startAgents()]);
  for (const name of ['echo', 'asker', 'long-runner', 'researcher', 'files'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

async function withClient<T>(
  work: (call: (name: string, args?: object) => Promise<ToolResult>) => Promise<T>,
): Promise<T> {
  const client = await server.mcp();
  try {
    return await work(
      async (name, args = {}) => (await client.callTool({ name, arguments: { ...args } })) as unknown as ToolResult,
    );
  } finally {
    await client.close();
  }
}

describe('a call that takes longer than a client waits', () => {
  test('answers with a handle, and get_status tells the result to another connection of the same caller', async () => {
    const taskId = await withClient(async (call) => {
      const handle = await call('researcher', { message: 'Why in 6s' });
      expect(handle.isError).toBeFalsy();
      expect(handle).toMatchObject({
        content: [{ text: expect.stringContaining('get_status') }],
        structuredContent: { state: 'working' },
      });
      return handle.structuredContent?.['task_id'];
    });
    await withClient(async (call) => {
      const status = async () => (await call('get_status', { requestId: taskId })).structuredContent?.['status'];
      expect(await status()).toBe('running');
      await expect.poll(status, { timeout: 20_000 }).toBe('done');
      expect(JSON.stringify((await call('get_status', { requestId: taskId })).structuredContent)).toContain(
        '# Why in 6s',
      );
    });
  });

  test('goes on when the client hangs up, and the same idempotency key finds it again', async () => {
    const before = (await agents.ledger('researcher')).messages.length;
    const args = { message: 'Again in 5s', idempotency_key: 'once' };
    const first = await withClient((call) => call('researcher', args));
    const second = await withClient((call) => call('researcher', args));
    expect(second.structuredContent?.['task_id']).toBe(first.structuredContent?.['task_id']);
    expect((await agents.ledger('researcher')).messages.length).toBe(before + 1);
    expect(await withClient((call) => call('researcher', { ...args, message: 'Something else' }))).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/^conflict: /) }],
    });
  });
});

describe('the eight tools', () => {
  test('invoke_agent, get_status, handoff with the session, cancel', async () => {
    await withClient(async (call) => {
      const { sessionId } = (await call('open_session')).structuredContent as { sessionId: string };
      const invoked = await call('invoke_agent', {
        agentId: 'echo',
        capability: 'echo',
        input: { message: 'hello' },
        sessionId,
      });
      expect(invoked.structuredContent).toMatchObject({
        requestId: expect.any(String),
        status: expect.stringMatching(/queued|running|done/),
        streamUrl: expect.stringMatching(/^ws:.*requestId=/),
      });
      const requestId = invoked.structuredContent?.['requestId'];
      await expect
        .poll(async () => (await call('get_status', { requestId })).structuredContent, { timeout: 10_000 })
        .toMatchObject({ status: 'done', agentId: 'echo', sessionId });

      const handed = await call('handoff', {
        fromRequestId: requestId,
        toAgentId: 'researcher',
        capability: 'research',
        payload: { message: 'Look into this in 100ms' },
      });
      const handedId = handed.structuredContent?.['requestId'];
      await expect
        .poll(async () => (await call('get_status', { requestId: handedId })).structuredContent, { timeout: 10_000 })
        .toMatchObject({ status: 'done', agentId: 'researcher', sessionId });
      expect((await agents.ledger('researcher')).messages.at(-1)?.text).toContain('hello');

      const long = await call('invoke_agent', {
        agentId: 'long-runner',
        capability: '',
        input: { message: 'for 60 s' },
      });
      const longId = long.structuredContent?.['requestId'];
      expect((await call('cancel', { requestId: longId })).structuredContent).toMatchObject({ canceled: true });
      expect((await call('cancel', { requestId: longId })).structuredContent).toMatchObject({ canceled: false });
      expect((await call('get_status', { requestId: longId })).structuredContent).toMatchObject({ status: 'canceled' });
      expect((await call('close_session', { sessionId })).structuredContent).toMatchObject({ closed: true });
    });
  });

  test("other people's requests do not exist", async () => {
    const { key } = await server.json<{ key: string }>(201, 'POST', '/api/v1/api-keys', {
      name: 'another',
      roles: ['operator'],
    });
    const invoked = await withClient((call) =>
      call('invoke_agent', { agentId: 'echo', capability: '', input: { message: 'mine' } }),
    );
    const requestId = invoked.structuredContent?.['requestId'];
    const stranger = await server.mcp('modern', key);
    for (const name of ['get_status', 'cancel'])
      expect(await stranger.callTool({ name, arguments: { requestId } })).toMatchObject({
        isError: true,
        content: [{ text: expect.stringMatching(/^not_found: /) }],
      });
    await stranger.close();
  });
});

describe('the Tasks extension', () => {
  let nextId = 1;
  /** One modern request by hand: the clients at hand do not drive the extension. */
  async function rpc(method: string, params: Record<string, unknown>, key = ADMIN_KEY) {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {
        extensions: { 'io.modelcontextprotocol/tasks': {} },
        elicitation: { form: {} },
      },
    };
    const named = params['name'] ?? params['taskId'];
    const response = await fetch(`${server.url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
        ...(typeof named === 'string' && { 'mcp-name': named }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: nextId++, method, params: { ...params, _meta } }),
    });
    return (await response.json()) as { result?: Record<string, unknown>; error?: { code: number; message: string } };
  }
  const begin = async (name: string, message: string) =>
    (await rpc('tools/call', { name, arguments: { message } })).result ?? {};
  const look = async (taskId: unknown) => (await rpc('tasks/get', { taskId })).result ?? {};

  test('a short call is answered at once', async () => {
    expect(await begin('echo', 'hi')).toMatchObject({ resultType: 'complete', content: [{ text: 'hi' }] });
  });

  test('a long one is a task: followed to its result', async () => {
    const task = await begin('researcher', 'Why in 6s');
    expect(task).toMatchObject({
      resultType: 'task',
      taskId: expect.any(String),
      status: 'working',
      pollIntervalMs: expect.any(Number),
    });
    await expect
      .poll(() => look(task['taskId']), { timeout: 20_000 })
      .toMatchObject({
        status: 'completed',
        result: { content: [{ text: expect.stringContaining('# Why in 6s') }, {}] },
      });
  });

  test('a question is in the task, and tasks/update answers it', async () => {
    const { result } = await rpc('tools/call', {
      name: 'invoke_agent',
      arguments: { agentId: 'asker', capability: '', input: { message: 'Paint the shed' } },
    });
    const invoked = result?.['structuredContent'] as { requestId: string } | undefined;
    const taskId = invoked?.requestId;
    await expect
      .poll(() => look(taskId), { timeout: 10_000 })
      .toMatchObject({
        status: 'input_required',
        inputRequests: { answer: { method: 'elicitation/create', params: { message: 'Which colour do you want?' } } },
      });
    await rpc('tasks/update', {
      taskId,
      inputResponses: { answer: { action: 'accept', content: { answer: 'green' } } },
    });
    await expect
      .poll(() => look(taskId), { timeout: 10_000 })
      .toMatchObject({ status: 'completed', result: { content: [{ text: 'You chose: green' }] } });
  });

  test('tasks/cancel reaches the agent and is final', async () => {
    const before = (await agents.ledger('long-runner')).cancels.length;
    const task = await begin('long-runner', 'for 60 s');
    await rpc('tasks/cancel', { taskId: task['taskId'] });
    expect(await look(task['taskId'])).toMatchObject({ status: 'cancelled' });
    await expect
      .poll(async () => (await agents.ledger('long-runner')).cancels.length, { timeout: 10_000 })
      .toBe(before + 1);
    await sleep(300);
    expect(await look(task['taskId'])).toMatchObject({ status: 'cancelled' });
  });

  test("other people's tasks do not exist", async () => {
    const { key } = await server.json<{ key: string }>(201, 'POST', '/api/v1/api-keys', {
      name: 'stranger',
      roles: ['operator'],
    });
    const task = await begin('researcher', 'Mine in 5s');
    const { error } = await rpc('tasks/get', { taskId: task['taskId'] }, key);
    expect(error).toMatchObject({ code: -32602, message: expect.stringContaining('not_found') });
  });
});

test('an artifact is read as a resource, by its owner only', async () => {
  const client = await server.mcp();
  const { resourceTemplates } = await client.listResourceTemplates();
  expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
    'a2a-task://{taskId}/artifacts/{artifactId}',
  ]);
  const result = (await client.callTool({ name: 'files', arguments: { message: 'csv' } })) as unknown as {
    structuredContent: { task_id: string };
  };
  const uri = `a2a-task://${result.structuredContent.task_id}/artifacts/file`;
  expect(await client.readResource({ uri })).toMatchObject({
    contents: [{ uri, mimeType: 'text/csv', blob: expect.any(String) }],
  });
  await expect(
    client.readResource({ uri: 'a2a-task://00000000-0000-0000-0000-000000000000/artifacts/file' }),
  ).rejects.toMatchObject({ code: -32602 });
  await client.close();
});
