import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startAgents } from './support/agents.js';
import { newDatabase, rows } from './support/database.js';
import { startServer, type TestServer } from './support/server.js';
import { startTask, TASKS } from './support/task-client.js';
import { until } from './support/until.js';
import { postWorkflow, type Run } from './support/workflow-runs.js';

// Both wait for the end of a grace: beside one another.
test.concurrent(
  'a stopping server is not ready from the first moment, and still answers until its work is given away',
  async () => {
    await using database = await newDatabase();
    await using agents = await startAgents();
    const server = await startServer({ env: { DATABASE_URL: database.url } });
    for (const name of ['echo', 'flaky']) await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
    const ready = () => server.call('GET', '/readyz');
    expect(await (await ready()).json()).toMatchObject({ details: { process: { status: 'up', state: 'serving' } } });

    // Its agent says nothing: nobody else can go on with it, and so the server waits.
    await startTask(server, { agent: 'flaky', message: 'hang' });
    const stopped = server.stop();
    await server.waitForLog(({ message }) => message === 'Stopping');

    const answer = await ready();
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ error: { process: { status: 'down', state: 'draining' } } });
    expect((await server.call('GET', '/healthz')).status).toBe(200);
    const { task } = await startTask(server, { agent: 'echo', message: 'for somebody else' });
    expect((await server.call('GET', `${TASKS}/${task.taskId}`)).status).toBe(200);

    await stopped;
    expect((await server.exited).code).toBe(0);
    const left = await rows(
      database.url,
      'select t.state, e.id from tasks t left join executors e on e.id = t.executor',
    );
    expect(left).toEqual(Array(2).fill({ state: 'submitted', id: null }));

    await using next = await startServer({ env: { DATABASE_URL: database.url } });
    await expect
      .poll(() => rows(database.url, `select state from tasks where id = '${task.taskId}'`), { timeout: 15_000 })
      .toEqual([{ state: 'completed' }]);
    expect((await next.call('GET', '/readyz')).status).toBe(200);
  },
  60_000,
);

test.concurrent(
  'calls of runs that are open when a server stops may end; those that do not are for the next',
  async () => {
    await using database = await newDatabase();
    await using service = await startService();
    const env = { DATABASE_URL: database.url };
    const first = await startServer({ env });
    const post = (path: string) => ({ call: 'http', with: { method: 'post', endpoint: service.url + path } });
    const mcp = {
      protocolVersion: '2025-06-18',
      method: 'tools/call',
      transport: { http: { endpoint: `${service.url}/mcp` } },
      parameters: { name: 'ask', arguments: {} },
    };
    const metadata = { atMostOnce: true };
    const after = { after: post('/after') };
    const begun = {
      http: await begin(first, 'http', [{ ask: { ...post('/http'), metadata } }, after]),
      // What it gives is made with an expression, for which threads must be there until the end.
      mcp: await begin(first, 'mcp', [
        { ask: { call: 'mcp', with: mcp, metadata, output: { as: '${ .content | map(.text) | join(" ") }' } } },
      ]),
      repeated: await begin(first, 'repeated', [{ ask: post('/repeated') }]),
      once: await begin(first, 'once', [{ ask: { ...post('/once'), metadata } }]),
    };
    for (const path of ['/http', '/mcp', '/repeated', '/once'])
      await until(`a request for ${path}`, () => service.seen(path).length === 1);
    await using second = await startServer({ env });

    const stopped = first.stop();
    await first.waitForLog(({ message }) => message === 'Stopping');
    service.answer('/http');
    service.answer('/mcp');
    const ended = async (id: string, withinMs?: number) =>
      until(
        `the run ${id} ends`,
        async () => {
          const run = await second.json<Run>(200, 'GET', `/api/v1/runs/${id}`);
          return ['completed', 'faulted'].includes(run.phase) && run;
        },
        withinMs,
      );
    expect(await ended(begun.http)).toMatchObject({ phase: 'completed', output: { path: '/after' } });
    expect(await ended(begun.mcp)).toMatchObject({ phase: 'completed', output: 'from /mcp' });
    // It still waits for the others, which nobody else has begun.
    expect(first.child.exitCode).toBeNull();
    expect(['/http', '/mcp', '/after', '/repeated', '/once'].map((path) => service.seen(path).length)).toEqual(
      Array(5).fill(1),
    );

    await stopped;
    expect((await first.exited).code).toBe(0);
    await until('it is called again', () => service.seen('/repeated').length === 2);
    service.answer('/repeated');
    expect(await ended(begun.repeated)).toMatchObject({ phase: 'completed', output: { path: '/repeated' } });
    const [one, again] = service.seen('/repeated');
    expect(again).toEqual(one);
    const lost = await ended(begun.once);
    expect(lost).toMatchObject({ phase: 'faulted', error: { detail: expect.stringContaining('outcome unknown') } });
    expect(service.seen('/once')).toHaveLength(1);
  },
  60_000,
);

/** @returns the id of a run of a workflow of these tasks */
async function begin(server: TestServer, name: string, tasks: unknown[]): Promise<string> {
  await postWorkflow(server, name, tasks);
  const { runId } = await server.json<Run>(202, 'POST', `/api/v1/workflows/${name}/runs`, { input: {} });
  return runId;
}

/** Answers at `/after` at once, and anywhere else when it is told to. At `/mcp` it speaks as much MCP as one call takes. */
async function startService() {
  const keys = new Map<string, unknown[]>();
  const held = new Map<string, (() => void)[]>();
  const server = createServer((request, response) => void handle(request, response));
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { url: path = '' } = request;
    const { id, method } = (path === '/mcp' && body !== '' ? JSON.parse(body) : {}) as { id?: number; method?: string };
    const reply = (value: unknown) =>
      response
        .writeHead(value === undefined ? 202 : 200, { 'content-type': 'application/json' })
        .end(JSON.stringify(value));
    const result = (value: unknown) => reply({ jsonrpc: '2.0', id, result: value });
    if (path === '/mcp' && method === undefined) return response.writeHead(405).end();
    if (method === 'initialize') return result(HELLO);
    if (method?.startsWith('notifications/') === true) return reply(undefined);
    keys.set(path, [...(keys.get(path) ?? []), request.headers['idempotency-key']]);
    const text = { content: [{ type: 'text', text: `from ${path}` }] };
    const answer = () => (path === '/mcp' ? result(text) : reply({ path }));
    if (path === '/after') return answer();
    held.set(path, [...(held.get(path) ?? []), answer]);
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The idempotency keys of requests so far. */
    seen: (path: string) => keys.get(path) ?? [],
    answer: (path: string) => held.get(path)?.forEach((answer) => answer()),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const HELLO = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'slow', version: '1' },
};
