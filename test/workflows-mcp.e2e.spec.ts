import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { CLIENTS } from './support/mcp-clients.js';
import { modern } from './support/mcp-raw.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';
import { postWorkflow, type Run } from './support/workflow-runs.js';

interface ToolResult {
  readonly isError?: boolean;
  readonly content: { readonly type: string; readonly text?: string }[];
  readonly structuredContent?: Record<string, unknown>;
}

const headers = { authorization: `Bearer ${ADMIN_KEY}` };
const TOPIC = {
  input: {
    schema: {
      document: {
        type: 'object',
        properties: { topic: { type: 'string', description: 'What about.' } },
        required: ['topic'],
        additionalProperties: false,
      },
    },
  },
};
const ASK = [{ decide: { call: 'human', with: { prompt: 'May I?' } } }];

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer({ env: { MCP_WAIT_SECONDS: '6' } }), startAgents()]);
  for (const name of ['echo', 'asker', 'long-runner'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
  await postWorkflow(
    server,
    'shout-it',
    [
      { ask: { call: 'agent', with: { agent: 'echo', message: '${ .topic }' } } },
      { shout: { set: { text: '${ .text | ascii_upcase }' } } },
    ],
    TOPIC,
  );
  await postWorkflow(server, 'may-i', ASK);
  const error = { type: 'https://example.com/errors/no', status: 409, title: 'No', detail: 'not today' };
  await postWorkflow(server, 'fails', [{ fail: { raise: { error } } }]);
  await postWorkflow(server, 'long', [{ rest: { wait: { minutes: 5 } } }]);
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

async function call(name: string, args: object = {}): Promise<ToolResult> {
  const client = await server.mcp();
  try {
    return (await client.callTool({ name, arguments: { ...args } })) as unknown as ToolResult;
  } finally {
    await client.close();
  }
}

const run = (id: unknown) => server.json<Run>(200, 'GET', `/api/v1/runs/${String(id)}`);

describe.each(CLIENTS)('%s', (_name, connect) => {
  test('a workflow is a tool that takes its input, shows its steps, and gives its output', async () => {
    const client = await connect(`${server.url}/mcp`, { headers });
    const { tools } = await client.listTools();
    expect(tools.find(({ name }) => name === 'run_shout_it')).toMatchObject({
      title: 'shout-it',
      inputSchema: TOPIC.input.schema.document,
    });
    const said: string[] = [];
    const onprogress = ({ message = '' }) => void said.push(message);
    const result = await client.call('run_shout_it', { topic: 'owls' }, { onprogress });
    expect(result.isError ?? false).toBe(false);
    expect(result.structuredContent).toMatchObject({
      state: 'completed',
      task_id: expect.any(String),
      output: { text: expect.stringContaining('OWLS') },
    });
    expect(JSON.stringify(result.content)).toContain('OWLS');
    expect(said.join()).toMatch(/ask \(1 of 2\) (has begun|is done)/);
    await client.close();
  });

  test('arguments that do not fit begin no run, and name the field', async () => {
    const client = await connect(`${server.url}/mcp`, { headers });
    const result = await client.call('run_shout_it', { topics: 'owls' });
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('topic') }] });
    await client.close();
  });

  test('the person is asked what a run asks, and the run goes on', async () => {
    const answer = () => ({ approved: true, comment: 'why not' });
    const client = await connect(`${server.url}/mcp`, { headers, answer });
    const { structuredContent } = await client.call('run_may_i');
    expect(structuredContent).toMatchObject({ state: 'completed', output: { approved: true, comment: 'why not' } });
    await client.close();
  });

  test('a workflow that comes and goes changes the list', async () => {
    const client = await connect(`${server.url}/mcp`, { headers });
    let changes = 0;
    await client.onToolsChanged(() => void changes++);
    const name = `short-lived-${CLIENTS.findIndex(([, one]) => one === connect)}`;
    await postWorkflow(server, name, ASK);
    await expect.poll(() => changes, { timeout: 15_000 }).toBeGreaterThan(0);
    const shown = async () => (await client.listTools()).tools.map((tool) => tool.name);
    expect(await shown()).toContain(`run_${name.replaceAll('-', '_')}`);
    changes = 0;
    await server.json(200, 'POST', `/api/v1/workflows/${name}/disable`);
    await expect.poll(() => changes, { timeout: 15_000 }).toBeGreaterThan(0);
    expect(await shown()).not.toContain(`run_${name.replaceAll('-', '_')}`);
    await client.close();
  });
});

describe('a run', () => {
  test('that fails is an error with the problem', async () => {
    const result = await call('run_fails');
    expect(result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('not today') }],
      structuredContent: {
        state: 'failed',
        error: { type: 'https://example.com/errors/no', status: 409, instance: '/do/0/fail' },
      },
    });
    const requestId = result.structuredContent?.['task_id'];
    expect((await call('get_status', { requestId })).structuredContent).toMatchObject({
      status: 'error',
      agentId: 'workflow/fails',
      error: { code: 'https://example.com/errors/no', message: expect.stringContaining('not today') },
    });
  });

  test('that asks somebody whose client cannot is answered with answer_workflow', async () => {
    const waiting = await call('run_may_i');
    expect(waiting).toMatchObject({
      content: [{ text: expect.stringMatching(/May I\?[^]*answer_workflow/) }],
      structuredContent: { state: 'input-required' },
    });
    const runId = waiting.structuredContent?.['task_id'];
    const { structuredContent: asked } = await call('answer_workflow', { runId });
    expect(asked).toMatchObject({
      open: [{ runId, prompt: 'May I?', schema: { properties: { approved: { type: 'boolean' } } } }],
    });
    expect(await call('answer_workflow', { runId, answer: { approved: 'perhaps' } })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('approved') }],
    });
    const { structuredContent: answered } = await call('answer_workflow', { runId, answer: { approved: false } });
    expect(answered).toMatchObject({ answered: { runId }, open: [] });
    await expect.poll(() => run(runId), { timeout: 15_000 }).toMatchObject({ output: { approved: false } });
    expect((await call('get_status', { requestId: runId })).structuredContent).toMatchObject({
      status: 'done',
      result: { text: expect.stringContaining('"approved": false') },
    });
  });

  test('whose agent asks passes on the question and the answer', async () => {
    await postWorkflow(server, 'ask-agent', [
      { ask: { call: 'agent', with: { agent: 'asker', message: 'hello' } } },
      { keep: { set: { said: '${ .text }' } } },
    ]);
    const [, connect] = CLIENTS[0] ?? [];
    const client = await connect?.(`${server.url}/mcp`, { headers, answer: () => ({ text: 'blue' }) });
    const result = await client?.call('run_ask_agent');
    expect(result?.structuredContent).toMatchObject({ state: 'completed', output: { said: /blue/ } });
    await client?.close();
  });

  test('that takes long is answered with a handle, is paused, goes on, and is canceled', async () => {
    const handle = await call('run_long');
    expect(handle).toMatchObject({
      content: [{ text: expect.stringContaining('get_status') }],
      structuredContent: { state: 'working' },
    });
    const requestId = handle.structuredContent?.['task_id'];
    const status = async () => (await call('get_status', { requestId })).structuredContent?.['status'];
    await server.json(200, 'POST', `/api/v1/runs/${String(requestId)}/pause`);
    expect(await status()).toBe('paused');
    await server.json(200, 'POST', `/api/v1/runs/${String(requestId)}/resume`);
    expect(await status()).toBe('running');
    expect((await call('cancel', { requestId })).structuredContent).toMatchObject({ canceled: true });
    await expect.poll(status, { timeout: 15_000 }).toBe('canceled');
  });

  test('is canceled when its client cancels the call', async () => {
    const client = await server.mcp('legacy');
    const abort = new AbortController();
    const calling = client.callTool({ name: 'run_long', arguments: {} }, { signal: abort.signal });
    const newest = async () => {
      const { items } = await server.json<{ items: Run[] }>(200, 'GET', '/api/v1/workflows/long/runs');
      return items[0]?.phase;
    };
    await expect.poll(newest, { timeout: 15_000 }).toBe('running');
    abort.abort('enough');
    await expect(calling).rejects.toThrow('enough');
    await expect.poll(newest, { timeout: 15_000 }).toBe('cancelled');
    await client.close();
  });

  test('that takes long, or asks, is a task of the Tasks extension, with what it asks', async () => {
    const capabilities = { extensions: { 'io.modelcontextprotocol/tasks': {} }, elicitation: { form: {} } };
    const ask = async (method: string, params: Record<string, unknown>) => {
      const named = { ...headers, 'mcp-name': String(params['taskId'] ?? params['name']) };
      return (await modern(`${server.url}/mcp`, method, params, { headers: named, capabilities })).result ?? {};
    };
    const long = await ask('tools/call', { name: 'run_long', arguments: {} });
    expect(long).toMatchObject({ resultType: 'task', status: 'working', taskId: expect.any(String) });
    await ask('tasks/cancel', { taskId: long['taskId'] });
    await expect
      .poll(() => ask('tasks/get', { taskId: long['taskId'] }), { timeout: 10_000 })
      .toMatchObject({ status: 'cancelled' });
    const { runId: taskId } = (await call('start_workflow', { name: 'may-i' })).structuredContent as { runId: string };
    const get = () => ask('tasks/get', { taskId });
    await expect.poll(get, { timeout: 8_000 }).toMatchObject({ status: 'input_required' });
    const { inputRequests } = (await get()) as { inputRequests: Record<string, { params: object }> };
    const key = String(Object.keys(inputRequests)[0]);
    const question = inputRequests[key];
    expect(question?.params).toMatchObject({ message: 'May I?', requestedSchema: { required: ['approved'] } });
    const inputResponses = { [key]: { action: 'accept', content: { approved: true } } };
    await ask('tasks/update', { taskId, inputResponses });
    await expect.poll(get, { timeout: 15_000 }).toMatchObject({
      status: 'completed',
      result: { structuredContent: { output: { approved: true } } },
    });
  });
});

describe('the tools about workflows', () => {
  test('one is created, found, described and started, and runs are counted', async () => {
    const definition = [
      'document: { dsl: "1.0.3", namespace: test, name: add-up, version: "1.0.0", title: Adds up, summary: Sums up numbers. }',
      'input: { schema: { document: { type: array, items: { type: number } } } }',
      'do:',
      '  - sum: { set: { total: "${ add }" } }',
    ].join('\n');
    expect((await call('create_workflow', { definition })).structuredContent).toMatchObject({
      name: 'add-up',
      status: 'active',
      tool: 'run_add_up',
    });
    const bad = await call('create_workflow', { definition: definition.replace('set:', 'sett:') });
    expect(bad).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('/do/0/sum') }] });

    const { structuredContent: found } = await call('list_workflows', { search: 'sums up' });
    expect(found).toEqual({
      workflows: [
        {
          name: 'add-up',
          title: 'Adds up',
          summary: 'Sums up numbers.',
          version: '1.0.0',
          tags: [],
          tool: 'run_add_up',
        },
      ],
    });
    expect((await call('describe_workflow', { name: 'add-up' })).structuredContent).toMatchObject({
      inputSchema: { type: 'array' },
      tasks: [{ task: '/do/0/sum', name: 'sum', kind: 'set' }],
      versions: [{ version: '1.0.0', status: 'active' }],
    });

    expect((await call('run_add_up', { input: [1, 2] })).structuredContent).toMatchObject({ output: { total: 3 } });
    const wrong = await call('run_add_up', { input: ['x'] });
    expect(wrong).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('number') }] });
    const { runId } = (await call('start_workflow', { name: 'add-up', input: [3, 4] })).structuredContent ?? {};
    await expect
      .poll(() => run(runId), { timeout: 15_000 })
      .toMatchObject({ phase: 'completed', output: { total: 7 } });
  });

  test('runs are counted right after they happened', async () => {
    const counted = async (status: string) => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return Number(new RegExp(`a2a_workflows_total\\{status="${status}"\\} (\\d+)`).exec(text)?.[1]);
    };
    const before = await Promise.all(['started', 'completed', 'faulted', 'cancelled'].map(counted));
    await call('run_shout_it', { topic: 'one' });
    await call('run_fails');
    const { runId: requestId } = (await call('start_workflow', { name: 'long' })).structuredContent ?? {};
    await call('cancel', { requestId });
    const grown = async () =>
      (await Promise.all(['started', 'completed', 'faulted', 'cancelled'].map(counted))).map(
        (count, i) => count - (before[i] ?? 0),
      );
    await expect.poll(grown, { timeout: 15_000 }).toEqual([3, 1, 1, 1]);
  });
});
