import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Config } from '@app/config';
import { expect, test } from 'vitest';
import { startCollector } from './support/collector.js';
import { newDatabase, rows } from './support/database.js';
import { startServer, type TestServer } from './support/server.js';
import { sendResult, startRpcStub } from './support/stub-agent.js';
import { startTask } from './support/task-client.js';
import { until } from './support/until.js';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACE = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
const STATE = 'congo=t61rcWkgMzE';

/** An agent that is not asked to stream, and works until it is told that it is done. */
async function startWorker() {
  const task = { kind: 'task', id: 't1', contextId: 'c1' };
  let state = 'working';
  const agent = await startRpcStub({
    'message/send': (response) => sendResult(response, { ...task, status: { state } }),
    'tasks/get': (response) => sendResult(response, { ...task, status: { state } }),
  });
  return { ...agent, finish: () => (state = 'completed') };
}

const register = (server: TestServer, url: string) =>
  server.json(201, 'POST', '/api/v1/agents', {
    slug: 'worker',
    card: {
      name: 'Worker',
      description: 'Works.',
      version: '1',
      protocolVersion: '0.3.0',
      url,
      preferredTransport: 'JSONRPC',
      capabilities: {},
      skills: [],
      defaultInputModes: ['text/plain'],
      defaultOutputModes: ['text/plain'],
    },
  });

test('a task that another replica takes over goes on in its trace', async () => {
  await using collector = await startCollector();
  await using database = await newDatabase();
  await using agent = await startWorker();
  const env = { DATABASE_URL: database.url, OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/v1/traces` };
  const first = await startServer({ env });
  await using second = await startServer({ env });
  await register(first, agent.url);
  const { task } = await startTask(
    first,
    { agent: 'worker', message: 'go' },
    { traceparent: TRACE, tracestate: STATE },
  );
  const heard = async () => (await rows(database.url, 'select heard from tasks'))[0]?.['heard'] === true;
  await until('the agent gave a sign of life', heard);
  await first.stop();
  expect(await first.exited).toMatchObject({ code: 0 });
  const before = agent.requests.length;
  await until('the other asks the agent', () => agent.requests.length > before + 1, 15_000);
  agent.finish();
  await until(
    'the task is over',
    async () => (await rows(database.url, 'select finished_at from tasks'))[0]?.['finished_at'],
  );
  const told = agent.requests.filter(({ body }) => body !== undefined).map(({ headers }) => headers);
  expect(new Set(told.map(({ traceparent }) => String(traceparent).split('-')[1]))).toEqual(new Set([TRACE_ID]));
  expect(new Set(told.map(({ tracestate }) => tracestate))).toEqual(new Set([STATE]));
  const parts = await until(
    'both have told their part',
    () => {
      const found = collector.spans.filter(({ name }) => name === 'task');
      return found.length === 2 && found;
    },
    30_000,
  );
  const request = collector.spans.find(({ name }) => name === 'POST /api/v1/tasks');
  expect(parts.map(({ traceId, parentSpanId }) => [traceId, parentSpanId])).toEqual(
    parts.map(() => [TRACE_ID, request?.spanId]),
  );
  expect(parts.map(({ attributes }) => attributes['a2a.task.id'])).toEqual(parts.map(() => task.taskId));
  expect(new Set(parts.map(({ resource }) => resource['service.instance.id'])).size).toBe(2);
  const metrics = await (await fetch(`${second.url}/metrics`)).text();
  expect(metrics).toMatch(/^a2a_task_takeovers_total 1$/m);
});

test.each(['refuses', 'hangs'] as const)(
  'a collector that %s costs spans and one line, no request and no time at the end',
  async (mood) => {
    await using collector = await startCollector(mood);
    const server = await startServer({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
    for (let i = 0; i < 50; i++) await server.json(200, 'GET', '/api/v1/agents');
    await until('an export was tried', () => collector.requests.length > 0);
    await server.json(200, 'GET', '/api/v1/agents');
    if (mood === 'refuses') await server.waitForLog(({ message }) => message === 'Spans could not be exported', 15_000);
    const told = performance.now();
    await server.stop();
    expect(await server.exited).toMatchObject({ code: 0 });
    expect(performance.now() - told).toBeLessThan(15_000);
    const lines = server.logs.filter(({ context }) => context === 'Traces');
    expect(lines.filter(({ level }) => level === 'ERROR')).toEqual([]);
    expect(lines.filter(({ level }) => level === 'WARN').length).toBeLessThanOrEqual(1);
    const warning = lines.find(({ level }) => level === 'WARN');
    expect(mood === 'hangs' || Number(warning?.['spans']) >= 1).toBe(true);
  },
);

/** Every module that a server had loaded when it ended, by V8's own account. */
async function modulesOf(env: Record<string, string>): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'a2a-modules-'));
  try {
    const server = await startServer({ env: { NODE_V8_COVERAGE: directory, ...env } });
    await server.json(200, 'GET', '/api/v1/agents');
    await server.stop();
    return readdirSync(directory).flatMap((file) =>
      (JSON.parse(readFileSync(join(directory, file), 'utf8')) as { result: { url: string }[] }).result.flatMap(
        ({ url }) => modulesIn(url),
      ),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A file of the build holds many. */
function modulesIn(url: string): string[] {
  const map = url.startsWith('file:') ? `${fileURLToPath(url)}.map` : '';
  return existsSync(map) ? (JSON.parse(readFileSync(map, 'utf8')) as { sources: string[] }).sources : [url];
}

test('without an endpoint nothing of the SDK is loaded', async () => {
  await using collector = await startCollector();
  const ofSdk = (urls: string[]) => urls.filter((url) => /@opentelemetry\/(?!api\/)/.test(url));
  const off = await modulesOf({});
  const on = await modulesOf({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  expect(off.length).toBeGreaterThan(1_000);
  expect(ofSdk(off)).toEqual([]);
  expect(ofSdk(on).length).toBeGreaterThan(20);
  expect(collector.spans.map(({ name }) => name)).toContain('GET /api/v1/agents');
});

test('OTEL_SDK_DISABLED wins', () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/', OTEL_SDK_DISABLED: 'true' };
  expect(Config.load(env).tracing).toBeUndefined();
  expect(Config.load({ ...env, OTEL_SDK_DISABLED: 'false' }).tracing?.url).toBe('http://collector:4318/v1/traces');
});

test.each([
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ['OTEL_TRACES_SAMPLER', 'sometimes'],
  ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'no-equals-sign'],
])('%s=%s is refused by its name', (name, value) => {
  expect(() => Config.load({ [name]: value })).toThrow(name);
});
