import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { newDatabase, type TestDatabase } from './support/database.js';
import { startServer, type TestServer } from './support/server.js';
import { startTask, type StreamedTaskEvent, type Task, taskEvents, TASKS } from './support/task-client.js';
import { until } from './support/until.js';

let database: TestDatabase;
let a: TestServer;
let b: TestServer;
let agents: TestAgents;

beforeAll(async () => {
  [database, agents] = await Promise.all([newDatabase(), startAgents()]);
  const env = { DATABASE_URL: database.url };
  [a, b] = await Promise.all([startServer({ env }), startServer({ env })]);
  for (const slug of ['researcher', 'asker', 'long-runner', 'files'])
    await a.json(201, 'POST', '/api/v1/agents', { url: agents.url(slug), slug });
});
afterAll(async () => {
  await Promise.all([a.stop(), b.stop()]);
  await agents[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

const WAIT = { prefer: 'wait=20' };

async function all(events: AsyncIterable<StreamedTaskEvent>): Promise<StreamedTaskEvent[]> {
  const seen: StreamedTaskEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

const metric = async (server: TestServer, name: string) => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1],
  );
};

describe('following', () => {
  test('every event once and in order, live, up to the result', async () => {
    const { task } = await startTask(a, { agent: 'researcher', message: 'A2A in 600ms' });
    const seen = await all(taskEvents(a, task.taskId));
    expect(seen.map(({ id }) => id)).toEqual(seen.map((_, index) => index + 1));
    expect(seen.at(-1)).toMatchObject({ event: 'result', data: { task: { state: 'completed' } } });
    expect(seen.filter(({ event }) => event === 'result')).toHaveLength(1);
    expect(seen.filter(({ event }) => event === 'artifact').length).toBeGreaterThanOrEqual(5);
    for (const { id, event, data } of seen)
      expect(data).toMatchObject({ taskId: task.taskId, seq: id, kind: event, at: expect.any(String) });
  });

  test('a reader that hung up goes on at another replica where it was', async () => {
    const { task } = await startTask(a, { agent: 'researcher', message: 'A2A in 800ms' });
    const before: StreamedTaskEvent[] = [];
    for await (const event of taskEvents(a, task.taskId)) if (before.push(event) === 3) break;
    const headers = { 'last-event-id': '3' };
    const after = await all(taskEvents(b, task.taskId, { query: '?from=1', headers }));
    const ids = [...before, ...after].map(({ id }) => id);
    expect(ids).toEqual(ids.map((_, index) => index + 1));
    expect(after.at(-1)?.event).toBe('result');
    expect(await all(taskEvents(a, task.taskId, { query: '?from=3' }))).toEqual(after);
    expect(await all(taskEvents(b, task.taskId))).toEqual([...before, ...after]);
    expect((await agents.ledger('researcher')).cancels).toEqual([]);
  });

  test('a task that is over and known is 204, so that browsers stay away', async () => {
    const { task } = await startTask(a, { agent: 'researcher', message: 'x in 0ms' }, WAIT);
    const path = `${TASKS}/${task.taskId}/events`;
    expect((await b.call('GET', path, undefined, { 'last-event-id': String(task.lastSeq) })).status).toBe(204);
    expect((await b.call('HEAD', path)).status).toBe(200);
    for (const [query, headers] of [
      ['?from=1000', {}],
      ['?from=-1', {}],
      ['?from=x', {}],
      ['', { 'last-event-id': 'abc' }],
    ] as const) {
      const refused = await b.call('GET', path + query, undefined, headers);
      expect({ query, status: refused.status }).toEqual({ query, status: 400 });
    }
  });

  test('a stream ends with the question; the next one goes on after the answer', async () => {
    const { task } = await startTask(a, { agent: 'asker', message: 'Paint the shed' });
    const first = await all(taskEvents(b, task.taskId));
    expect(first.at(-1)?.data.task?.state).toBe('input-required');
    const next = all(taskEvents(b, task.taskId, { query: `?from=${first.length}` }));
    // Known already: it is not told again.
    expect(await Promise.race([next, sleep(300)])).toBeUndefined();
    await a.json(202, 'POST', `${TASKS}/${task.taskId}/messages`, { message: 'blue' });
    const second = await next;
    expect(second[0]?.id).toBe(first.length + 1);
    expect(second.at(-1)?.data.task?.state).toBe('completed');
  });

  test('a key that is revoked hears nothing more', async () => {
    const { id, key } = await a.json<{ id: string; key: string }>(201, 'POST', '/api/v1/api-keys', {
      name: 'short',
      roles: ['operator'],
    });
    const headers = { authorization: `Bearer ${key}` };
    const { task } = await startTask(a, { agent: 'long-runner', message: 'for 30 s' }, headers);
    const seen: StreamedTaskEvent[] = [];
    for await (const event of taskEvents(b, task.taskId, { headers })) {
      seen.push(event);
      if (event.id === 1) await a.json(204, 'DELETE', `/api/v1/api-keys/${id}`);
    }
    expect(seen.at(-1)?.event).toBe('status');
    await expect(all(taskEvents(b, task.taskId, { headers }))).rejects.toThrow('events answered 401');
    const broke = ({ message }: { message: string }) => message === 'An event stream broke';
    await b.waitForLog(broke);
    expect(b.logs.filter(broke)).toMatchObject([{ level: 'WARN' }]);
  });

  test('streams count as answers but not as waiting, also when their reader hangs up', async () => {
    const waits = 'a2a_response_time_seconds_count{door="rest"}';
    const answers = 'a2a_http_responses_total{status_class="2xx"}';
    const earlier = await metric(a, waits);
    const { task } = await startTask(a, { agent: 'long-runner', message: 'for 1 s' });
    await until('the start is counted', async () => (await metric(a, waits)) === earlier + 1);
    const before = { waits: await metric(a, waits), answers: await metric(a, answers) };
    for await (const event of taskEvents(a, task.taskId)) if (event.id === 1) break;
    await all(taskEvents(a, task.taskId));
    // Scrapes are answers, too: the one before, and this one once it is through.
    await until('both are counted', async () => (await metric(a, answers)) >= before.answers + 3);
    expect(await metric(a, waits)).toBe(before.waits);
  });
});

describe('artifacts', () => {
  let task: Task;
  beforeAll(async () => {
    ({ task } = await startTask(a, { agent: 'files', message: 'Everything you have' }, WAIT));
  });
  const get = (id: string, headers = {}, server = b) =>
    server.call('GET', `${TASKS}/${task.taskId}/artifacts/${encodeURIComponent(id)}`, undefined, headers);
  const rawOf = (id: string) =>
    Buffer.from(task.artifacts.find(({ artifactId }) => artifactId === id)?.parts[0]?.raw ?? '', 'base64');

  test('a file is itself, for download and never for sniffing', async () => {
    const response = await get('image');
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-disposition': 'attachment; filename="gradient.png"',
      'content-length': String(rawOf('image').length),
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'accept-ranges': 'bytes',
    });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(rawOf('image'));
  });

  test('in ranges', async () => {
    const file = rawOf('file');
    const part = await get('file', { range: 'bytes=2-5' });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe(`bytes 2-5/${file.length}`);
    expect(part.headers.get('content-type')).toBe('text/csv');
    expect(Buffer.from(await part.arrayBuffer())).toEqual(file.subarray(2, 6));
    expect(Buffer.from(await (await get('file', { range: 'bytes=-3' })).arrayBuffer())).toEqual(file.subarray(-3));

    const beyond = await get('file', { range: `bytes=${file.length}-` });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get('content-range')).toBe(`bytes */${file.length}`);
    expect(beyond.headers.get('content-type')).toContain('application/problem+json');

    const etag = part.headers.get('etag') ?? '';
    expect((await get('file', { range: 'bytes=0-0', 'if-range': etag })).status).toBe(206);
    expect((await get('file', { range: 'bytes=0-0', 'if-range': '"older"' })).status).toBe(200);
    expect((await get('file', { 'if-none-match': etag }, a)).status).toBe(304);
    expect((await get('file', { range: 'bytes=0-1,3-4' })).status).toBe(200);
  });

  test('text as text, data as JSON, links as the artifact, unknown ones not at all', async () => {
    const data = await get('json');
    expect(data.headers.get('content-type')).toContain('application/json');
    expect(await data.json()).toEqual({ unit: 'cm', values: [12, 15, 9], complete: true });
    expect(await (await get('link')).json()).toMatchObject({
      artifactId: 'link',
      parts: [{ url: expect.any(String) }],
    });
    for (const unknown of ['nothing', 'with/slash', 'ü'.repeat(500)]) expect((await get(unknown)).status).toBe(404);
    expect((await get('x'.repeat(513))).status).toBe(400);

    ({ task } = await startTask(a, { agent: 'researcher', message: 'Artifacts in 0ms' }, WAIT));
    const report = await get('report');
    expect(report.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await report.text()).toContain('# Artifacts in 0ms');
  });
});

test('SIGTERM ends streams and waits at once; their readers go on at another replica', async () => {
  await using leaving = await startServer({ env: { DATABASE_URL: database.url } });
  const heard = async () => (await agents.ledger('long-runner')).messages.length;
  const before = await heard();
  const { task } = await startTask(a, { agent: 'long-runner', message: 'for 12 s' });
  const seen: StreamedTaskEvent[] = [];
  const reading = (async () => {
    for await (const event of taskEvents(leaving, task.taskId)) seen.push(event);
  })();
  const waiting = startTask(leaving, { agent: 'long-runner', message: 'for 12 s' }, WAIT);
  await until('both are under way', async () => seen.length > 0 && (await heard()) === before + 2);
  const startedAt = performance.now();
  await leaving.stop();
  expect(await leaving.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt).toBeLessThan(8_000);

  await reading;
  const rest = await all(taskEvents(b, task.taskId, { headers: { 'last-event-id': String(seen.length) } }));
  expect(rest[0]?.id).toBe(seen.length + 1);
  expect(rest.at(-1)?.data.task?.state).toBe('completed');
  const handle = await waiting;
  expect(handle.status).toBe(202);
  const taken = await all(taskEvents(b, handle.task.taskId));
  expect(taken.at(-1)?.data.task?.state).toBe('completed');
});
