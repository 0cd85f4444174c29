import { afterAll, beforeAll, expect, test } from 'vitest';
import { rows } from './support/database.js';
import { startServer, type TestServer } from './support/server.js';
import { sendResult, startRpcStub, type StubAgent } from './support/stub-agent.js';
import { startTask } from './support/task-client.js';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

let server: TestServer;
let agent: StubAgent;
beforeAll(async () => {
  server = await startServer();
  agent = await startRpcStub({
    'message/send': (response) =>
      sendResult(response, { kind: 'task', id: 't1', contextId: 'c1', status: { state: 'completed' } }),
  });
  const card = { name: 'Stub', protocolVersion: '0.3.0', url: agent.url, preferredTransport: 'JSONRPC' };
  const rest = { description: 'Answers.', version: '1', capabilities: {}, skills: [] };
  const modes = { defaultInputModes: ['text/plain'], defaultOutputModes: ['text/plain'] };
  await server.json(201, 'POST', '/api/v1/agents', { slug: 'stub', card: { ...card, ...rest, ...modes } });
});
afterAll(async () => {
  await server.stop();
  await agent.close();
});

const heard = () => agent.requests.at(-1)?.headers.traceparent;

test('the trace of a REST request goes on to the agent and is kept with the task', async () => {
  const { task } = await startTask(server, { agent: 'stub', message: 'hi' }, { traceparent: TRACE, prefer: 'wait=10' });
  expect(task.state).toBe('completed');
  expect(heard()).toBe(TRACE);
  expect(await rows(server.databaseUrl, `select trace from tasks where id = '${task.taskId}'`)).toEqual([
    { trace: TRACE },
  ]);
});

test('so does the trace that an MCP request carries in _meta', async () => {
  const client = await server.mcp();
  const _meta = { traceparent: TRACE };
  await client.callTool({ name: 'stub', arguments: { message: 'hi' }, _meta });
  expect(heard()).toBe(TRACE);
  const { structuredContent } = await client.callTool({
    name: 'invoke_agent',
    arguments: { agentId: 'stub', input: { message: 'hi' } },
    _meta: { traceparent: TRACE.replace('4bf9', 'aaaa') },
  });
  const { requestId } = structuredContent as { requestId: string };
  await expect
    .poll(() => rows(server.databaseUrl, `select state from tasks where id = '${requestId}'`), { timeout: 10_000 })
    .toEqual([{ state: 'completed' }]);
  expect(heard()).toBe(TRACE.replace('4bf9', 'aaaa'));
  await client.close();
});

test.each([
  ['none', {}],
  ['another format', { traceparent: 'my-trace' }],
  ['a trace id of zeros', { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }],
])('%s: the agent is told none', async (_, headers: Record<string, string>) => {
  await startTask(server, { agent: 'stub', message: 'hi' }, { ...headers, prefer: 'wait=10' });
  expect(heard()).toBeUndefined();
});
