import { readFileSync } from 'node:fs';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CollectedSpan, type Collector, startCollector } from './support/collector.js';
import { newDatabase, rows, type TestDatabase } from './support/database.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';
import { sendResult, startRpcStub, type StubAgent } from './support/stub-agent.js';
import { startTask } from './support/task-client.js';
import { until } from './support/until.js';
import { asAdmin, openSocket } from './support/ws-client.js';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const TRACE = `00-${TRACE_ID}-${CALLER}-01`;
const STATE = 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7';
/** What is said to the agent and by it; in no span. */
const PAYLOAD = 'payload-4711';

let collector: Collector;
let database: TestDatabase;
let agent: StubAgent;
let server: TestServer;
beforeAll(async () => {
  [collector, database] = await Promise.all([startCollector(), newDatabase()]);
  agent = await startRpcStub({
    'message/send': (response, { body }) =>
      JSON.stringify(body).includes('fail')
        ? sendResult(response, { kind: 'task', id: 't2', contextId: 'c1', status: { state: 'failed' } })
        : sendResult(response, {
            kind: 'task',
            id: 't1',
            contextId: 'c1',
            status: { state: 'completed' },
            artifacts: [{ artifactId: 'a', parts: [{ kind: 'text', text: PAYLOAD }] }],
          }),
  });
  server = await replica();
  await server.json(201, 'POST', '/api/v1/agents', {
    slug: 'stub',
    card: {
      name: 'Stub',
      description: 'Answers.',
      version: '1',
      protocolVersion: '0.3.0',
      url: agent.url,
      preferredTransport: 'JSONRPC',
      capabilities: {},
      skills: [],
      defaultInputModes: ['text/plain'],
      defaultOutputModes: ['text/plain'],
    },
    credentials: { type: 'bearer', token: 'agent-secret-0815' },
  });
});
afterAll(async () => {
  await server.stop();
  await agent.close();
  await collector[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

const replica = (env: Record<string, string> = {}) =>
  startServer({
    env: {
      DATABASE_URL: database.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=collector%20secret-42',
      OTEL_SERVICE_NAME: 'gateway',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,k8s.pod.name=pod-1',
      ...env,
    },
  });

const lastHeard = () => agent.requests.at(-1)?.headers ?? {};
/** The span of the agent call that the agent was told of, and those above it, innermost first. */
const chain = (parent: unknown): Promise<CollectedSpan[]> =>
  until(
    'the spans have arrived',
    () => {
      const [, traceId, spanId] = String(parent).split('-');
      const spans = collector.spans.filter((span) => span.traceId === traceId);
      const found: CollectedSpan[] = [];
      for (let id = spanId; ;) {
        const span = spans.find((one) => one.spanId === id);
        if (span === undefined) return found.length === 3 && found;
        found.push(span);
        id = span.parentSpanId;
      }
    },
    30_000,
  );

test('an MCP call, its task and the call of the agent are one trace, below that of the client', async () => {
  const client = await server.mcp();
  await client.callTool({
    name: 'stub',
    arguments: { message: PAYLOAD },
    _meta: { traceparent: TRACE, tracestate: STATE },
  });
  await client.close();
  const { traceparent, tracestate } = lastHeard();
  expect(traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-(?!${CALLER})[0-9a-f]{16}-01$`));
  expect(tracestate).toBe(STATE);
  const [call, task, request] = await chain(traceparent);
  expect(request).toMatchObject({
    name: 'tools/call',
    kind: 'server',
    parentSpanId: CALLER,
    traceState: STATE,
    isError: false,
    attributes: { 'mcp.method.name': 'tools/call', 'gen_ai.tool.name': 'stub' },
    resource: {
      'service.name': 'gateway',
      'service.version': expect.any(String),
      'deployment.environment.name': 'test',
      'k8s.pod.name': 'pod-1',
    },
  });
  const [{ id, trace } = {}] = await rows(database.url, 'select id, trace from tasks order by id desc limit 1');
  expect(trace).toBe(`00-${TRACE_ID}-${request?.spanId}-01`);
  expect(task).toMatchObject({
    name: 'task',
    kind: 'internal',
    traceState: STATE,
    attributes: { 'a2a.task.id': id, 'a2a.agent': 'stub', 'a2a.task.state': 'completed' },
  });
  expect(call).toMatchObject({
    name: 'a2a send',
    kind: 'client',
    attributes: {
      'rpc.system.name': 'jsonrpc',
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(agent.url).port),
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'a2a.task.id': id,
    },
  });
});

test('so are a REST request and what follows from it', async () => {
  await startTask(server, { agent: 'stub', message: 'hi' }, { traceparent: TRACE, prefer: 'wait=10' });
  const [, , request] = await chain(lastHeard().traceparent);
  expect(request).toMatchObject({
    name: 'POST /api/v1/tasks',
    parentSpanId: CALLER,
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/api/v1/tasks',
      'http.response.status_code': 200,
    },
  });
});

test('so are a WebSocket message and what follows from it; the upgrade names the trace', async () => {
  const headers = { ...asAdmin.headers, traceparent: TRACE };
  const socket = await openSocket(server.streamUrl, { headers });
  const before = agent.requests.length;
  await socket.ask('invoke_agent', { agentId: 'stub', input: { message: 'hi' } });
  await until('the agent was called', () => agent.requests.length > before);
  const [, , request] = await chain(lastHeard().traceparent);
  expect(request).toMatchObject({ name: 'invoke_agent', kind: 'server', parentSpanId: CALLER });
  await socket.close();
});

test('without a trace of the caller one begins here, with the HTTP header as with _meta', async () => {
  const call = async (headers: Record<string, string>) => {
    const answer = await fetch(`${server.url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ADMIN_KEY}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'stub', arguments: { message: 'hi' } },
      }),
    });
    await answer.text();
    return (await chain(lastHeard().traceparent))[2];
  };
  expect(await call({})).toMatchObject({ name: 'tools/call', parentSpanId: '' });
  expect(await call({ traceparent: TRACE })).toMatchObject({ traceId: TRACE_ID, parentSpanId: CALLER });
});

test('what fails is an error in its span, with a code', async () => {
  const client = await server.mcp();
  await client.callTool({ name: 'stub', arguments: { message: 'fail' }, _meta: { traceparent: TRACE } });
  await client.close();
  const [call, task, request] = await chain(lastHeard().traceparent);
  expect(call).toMatchObject({ isError: false });
  expect(task).toMatchObject({ isError: true, attributes: { 'error.type': 'agent', 'a2a.task.state': 'failed' } });
  expect(request).toMatchObject({ isError: true, attributes: { 'error.type': 'tool_error' } });
});

test('a trace that the caller does not record is not recorded here, and goes on all the same', async () => {
  const unsampled = TRACE.replace('4bf9', 'bbbb').replace(/01$/, '00');
  await startTask(server, { agent: 'stub', message: 'hi' }, { traceparent: unsampled, prefer: 'wait=10' });
  expect(lastHeard().traceparent).toMatch(/^00-bbbb[0-9a-f]{28}-[0-9a-f]{16}-00$/);
  await startTask(server, { agent: 'stub', message: 'hi' }, { traceparent: TRACE, prefer: 'wait=10' });
  await chain(lastHeard().traceparent);
  expect(collector.spans.filter(({ traceId }) => traceId.startsWith('bbbb'))).toEqual([]);
});

test('no span has a payload or a secret in it; the collector is shown its header', async () => {
  const sent = collector.requests.map(({ body }) => body).join('');
  expect(collector.spans.length).toBeGreaterThan(15);
  for (const secret of [PAYLOAD, ADMIN_KEY, 'agent-secret-0815', 'collector secret'])
    expect(sent).not.toContain(secret);
  expect(collector.requests[0]).toMatchObject({
    path: '/v1/traces',
    headers: { 'x-collector-key': 'collector secret-42' },
  });
});

test('the names of attributes are those of the semantic conventions, or begin with a2a.', () => {
  const known: Set<unknown> = new Set(Object.values(conventions).filter((value) => typeof value === 'string'));
  const used = new Set(collector.spans.flatMap(({ attributes }) => Object.keys(attributes)));
  expect([...used].filter((name) => !name.startsWith('a2a.') && !known.has(name))).toEqual([]);
});

test('the metrics tell how many were sent', async () => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const exported = /^a2a_trace_spans_total\{outcome="exported"\} (\d+)$/m.exec(text)?.[1];
  expect(Number(exported)).toBeGreaterThanOrEqual(15);
  expect(text).toContain('a2a_trace_spans_total{outcome="failed"} 0');
  expect(readFileSync('docs/metrics.md', 'utf8')).toContain('a2a_trace_spans_total');
});
