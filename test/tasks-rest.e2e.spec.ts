import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { newDatabase, type TestDatabase } from './support/database.js';
import { startServer, type TestServer } from './support/server.js';
import { startTask, type Task, TASKS } from './support/task-client.js';
import { until } from './support/until.js';

/** Two replicas on one database: what one starts the other serves. */
let database: TestDatabase;
let a: TestServer;
let b: TestServer;
let agents: TestAgents;
let stranger: Record<string, string>;

beforeAll(async () => {
  [database, agents] = await Promise.all([newDatabase(), startAgents()]);
  const env = { DATABASE_URL: database.url };
  [a, b] = await Promise.all([startServer({ env }), startServer({ env })]);
  for (const slug of ['echo', 'researcher', 'asker', 'long-runner', 'files', 'flaky'])
    await a.json(201, 'POST', '/api/v1/agents', { url: agents.url(slug), slug });
  await until('b knows the agents', async () => (await b.call('GET', '/api/v1/agents/flaky')).ok);
  const { key } = await a.json<{ key: string }>(201, 'POST', '/api/v1/api-keys', {
    name: 'stranger',
    roles: ['operator'],
  });
  stranger = { authorization: `Bearer ${key}` };
});
afterAll(async () => {
  await Promise.all([a.stop(), b.stop()]);
  await agents[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

const WAIT = { prefer: 'wait=20' };
const get = (server: TestServer, taskId: string) => server.json<Task>(200, 'GET', `${TASKS}/${taskId}`);
const finished = (server: TestServer, taskId: string) =>
  until(
    'the task is over',
    async () => {
      const task = await get(server, taskId);
      return task.finishedAt !== undefined && task;
    },
    30_000,
  );
const textOf = ({ artifacts }: Task) => artifacts.flatMap(({ parts }) => parts.map(({ text }) => text)).join('');

describe('starting', () => {
  test('answers at once with the stored task; any replica serves its result', async () => {
    const { status, headers, task } = await startTask(a, { agent: 'researcher', message: 'A2A in 300ms' });
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`${TASKS}/${task.taskId}`);
    expect(task).toMatchObject({ kind: 'agent', agent: 'researcher', artifacts: [], history: [] });
    expect(['submitted', 'working']).toContain(task.state);
    const done = await finished(b, task.taskId);
    expect(done).toMatchObject({ state: 'completed', createdAt: task.createdAt });
    expect(done.artifacts.map(({ artifactId }) => artifactId)).toEqual(['report', 'sources']);
    expect(await get(a, task.taskId)).toEqual(done);
  });

  test('with Prefer: wait answers with the result, or with the task when that takes too long', async () => {
    const quick = await startTask(a, { agent: 'echo', message: 'hello' }, WAIT);
    expect(quick.status).toBe(200);
    expect(quick.headers.get('preference-applied')).toBe('wait=20');
    expect(quick.task).toMatchObject({ state: 'completed', finishedAt: expect.any(String) });
    expect(textOf(quick.task)).toContain('hello');

    const startedAt = performance.now();
    const slow = await startTask(a, { agent: 'long-runner', message: 'for 6 s' }, { prefer: 'wait=1' });
    expect(performance.now() - startedAt).toBeGreaterThan(900);
    expect(slow.status).toBe(202);
    expect(slow.task).toMatchObject({ state: 'working' });
    expect(slow.task.lastSeq).toBeGreaterThan(0);
    expect(await finished(b, slow.task.taskId)).toMatchObject({ state: 'completed' });
  });

  test('a caller that hangs up while it waits leaves the task alone', async () => {
    const key = randomUUID();
    const body = { agent: 'long-runner', message: 'for 1 s' };
    const hungUp = fetch(a.url + TASKS, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { ...stranger, ...WAIT, 'content-type': 'application/json', 'idempotency-key': key },
      signal: AbortSignal.timeout(400),
    });
    await expect(hungUp).rejects.toThrow('timeout');
    const again = await startTask(b, body, { ...stranger, 'idempotency-key': key, ...WAIT });
    expect(again).toMatchObject({ status: 200, task: { state: 'completed' } });
    expect((await agents.ledger('long-runner')).cancels).toEqual([]);
  });

  test('the same key and input give the same task on every replica, another input is a conflict', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const body = { agent: 'echo', message: `once ${headers['idempotency-key']}` };
    const [first, second] = await Promise.all([startTask(a, body, headers), startTask(b, body, headers)]);
    expect(second.task.taskId).toBe(first.task.taskId);
    const third = await startTask(b, body, { ...headers, ...WAIT });
    expect(third).toMatchObject({ status: 200, task: { taskId: first.task.taskId, state: 'completed' } });
    const { messages } = await agents.ledger('echo');
    expect(messages.filter(({ text }) => text === body.message)).toHaveLength(1);

    const conflict = await b.call('POST', TASKS, { ...body, message: 'other' }, headers);
    expect(conflict.status).toBe(409);
    const other = await startTask(b, body, { ...headers, ...stranger });
    expect(other.task.taskId).not.toBe(first.task.taskId);
  });

  test('what an agent does badly is told as a state, not as an error of ours', async () => {
    const { status, task } = await startTask(a, { agent: 'flaky', message: 'fail' }, WAIT);
    expect(status).toBe(200);
    expect(task.state).toBe('failed');
  });

  test('text that PostgreSQL cannot store does no harm', async () => {
    const { task } = await startTask(a, { agent: 'echo', message: 'a\0b\uD800c', data: { 'k\0': '\uDFFF' } }, WAIT);
    expect(task.state).toBe('completed');
  });
});

describe('answering and cancelling', () => {
  test('a question is answered on another replica', async () => {
    const asked = await startTask(a, { agent: 'asker', message: 'Paint the shed' }, WAIT);
    expect(asked).toMatchObject({ status: 200, task: { state: 'input-required' } });
    expect(asked.task.message).toMatchObject([{ text: 'Which colour do you want?' }]);
    const path = `${TASKS}/${asked.task.taskId}/messages`;
    expect((await b.call('POST', path, { message: 'red' }, stranger)).status).toBe(404);
    const answered = await b.call('POST', path, { message: 'blue' }, WAIT);
    expect(answered.status).toBe(200);
    const task = (await answered.json()) as Task;
    expect(task).toMatchObject({ taskId: asked.task.taskId, state: 'completed' });
    expect(textOf(task)).toBe('You chose: blue');
    expect(await b.json(409, 'POST', path, { message: 'green' })).toMatchObject({ code: 'conflict' });
  });

  test('cancelling is final, reaches the agent, and is done once', async () => {
    const { task } = await startTask(a, { agent: 'long-runner', message: 'for 30 s' });
    await until('the agent works', async () => (await get(a, task.taskId)).state === 'working');
    const path = `${TASKS}/${task.taskId}/cancel`;
    expect((await b.call('POST', path, undefined, stranger)).status).toBe(404);
    const canceled = await b.json<{ canceled: boolean; task: Task }>(200, 'POST', path);
    expect(canceled).toMatchObject({ canceled: true, task: { state: 'canceled' } });
    expect(await a.json(200, 'POST', path)).toMatchObject({ canceled: false, task: { state: 'canceled' } });
    await until('the agent is told', async () => (await agents.ledger('long-runner')).cancels.length === 1);
    expect(await get(a, task.taskId)).toMatchObject({ state: 'canceled', finishedAt: expect.any(String) });
  });
});

describe('reading', () => {
  test('an ETag spares what is known already', async () => {
    const { task } = await startTask(a, { agent: 'echo', message: 'tag' }, WAIT);
    const read = (server: TestServer, tag: string) =>
      server.call('GET', `${TASKS}/${task.taskId}`, undefined, { 'if-none-match': tag });
    const etag = (await read(a, '"other"')).headers.get('etag') ?? '';
    const known = await read(b, etag);
    expect({ status: known.status, body: await known.text() }).toEqual({ status: 304, body: '' });
    expect((await read(b, '"0-0"')).status).toBe(200);
  });

  test('lists are filtered, newest first, and come in pages', async () => {
    const mine: string[] = [];
    for (const agent of ['echo', 'echo', 'researcher'])
      mine.unshift((await startTask(a, { agent, message: 'x in 0ms' }, { ...stranger, ...WAIT })).task.taskId);
    const list = async (query: string) => {
      const response = await b.call('GET', `${TASKS}?${query}`, undefined, stranger);
      expect(response.status).toBe(200);
      return (await response.json()) as { items: Task[]; nextPageToken?: string };
    };
    const first = await list('page_size=2');
    expect(first.items.map(({ taskId }) => taskId)).toEqual(mine.slice(0, 2));
    const second = await list(`page_size=1&page_token=${first.nextPageToken}`);
    expect(second.items.map(({ taskId }) => taskId)).toEqual(mine.slice(2, 3));
    expect((await list('agent=researcher')).items.map(({ taskId }) => taskId)).toEqual([mine[0]]);
    expect((await list('state=failed')).items).toEqual([]);
    expect((await list('agent=echo&state=completed')).items.length).toBeGreaterThanOrEqual(2);
    for (const { artifacts, history } of first.items) expect([artifacts, history]).toEqual([[], []]);
  });

  test('of somebody else: nothing is there', async () => {
    const { task } = await startTask(a, { agent: 'files', message: 'csv' }, WAIT);
    for (const path of ['', '/events', '/artifacts/file'])
      expect((await b.call('GET', `${TASKS}/${task.taskId}${path}`, undefined, stranger)).status).toBe(404);
    const listed = await b.call('GET', `${TASKS}?agent=files`, undefined, stranger);
    expect(((await listed.json()) as { items: Task[] }).items).toEqual([]);
  });
});

test('bad input is told by field and starts nothing', async () => {
  const count = async () => (await a.json<{ items: Task[] }>(200, 'GET', `${TASKS}?page_size=200`)).items.length;
  const before = await count();
  for (const [body, field] of [
    [{ message: 'x' }, 'agent'],
    [{ agent: 'echo' }, 'message'],
    [{ agent: 'Echo!', message: 'x' }, 'agent'],
    [{ agent: 'echo', message: '' }, 'message'],
    [{ agent: 'echo', message: 'x', sessionId: '1' }, 'sessionId'],
    [{ agent: 'echo', files: [{ name: 'neither' }] }, 'files'],
    [{ agent: 'echo', files: [{ data: 'not base64' }] }, 'files'],
    [{ agent: 'echo', message: 'x', task: 'y' }, 'task'],
  ] as const)
    expect(await a.json(400, 'POST', TASKS, body)).toMatchObject({
      code: 'invalid',
      detail: expect.stringContaining(field),
    });
  const call = { agent: 'echo', message: 'x' };
  expect((await a.call('POST', TASKS, call, { 'idempotency-key': 'k'.repeat(201) })).status).toBe(400);
  expect(await a.json(404, 'POST', TASKS, { ...call, agent: 'nobody' })).toMatchObject({ code: 'not_found' });
  expect(await a.json(404, 'POST', TASKS, { ...call, contextId: 'never told' })).toMatchObject({ code: 'not_found' });
  expect(await a.json(404, 'POST', TASKS, { ...call, sessionId: randomUUID() })).toMatchObject({ code: 'not_found' });
  for (const query of ['state=done', 'session=1', 'agent=%20', 'page_size=1000', 'page_token=%2B'])
    expect(await a.json(400, 'GET', `${TASKS}?${query}`)).toMatchObject({ code: 'invalid' });
  expect((await a.call('GET', `${TASKS}/1`)).status).toBe(400);
  expect((await a.call('GET', `${TASKS}/${randomUUID()}`)).status).toBe(404);
  expect((await fetch(a.url + TASKS)).status).toBe(401);
  expect(await count()).toBe(before);
});

test('a session carries the conversation with each agent, on every replica', async () => {
  const { sessionId } = await a.json<{ sessionId: string }>(201, 'POST', '/api/v1/sessions');
  const say = (server: TestServer, agent: string) =>
    startTask(server, { agent, message: 'x in 0ms', sessionId }, WAIT).then(({ task }) => task);
  const first = await say(a, 'echo');
  expect(first).toMatchObject({ sessionId, state: 'completed', contextId: expect.any(String) });
  expect((await say(b, 'echo')).contextId).toBe(first.contextId);
  const other = await say(b, 'researcher');
  expect(other.contextId).not.toBe(first.contextId);
  await until('both conversations are told', async () => {
    const { contexts } = await a.json<{ contexts: object }>(200, 'GET', `/api/v1/sessions/${sessionId}`);
    return isDeepStrictEqual(contexts, { echo: first.contextId, researcher: other.contextId });
  });
  const heard = (await agents.ledger('echo')).messages.filter(({ contextId }) => contextId === first.contextId);
  expect(heard).toHaveLength(2);
  const listed = await b.json<{ items: Task[] }>(200, 'GET', `${TASKS}?session=${sessionId}`);
  expect(listed.items).toHaveLength(3);

  const foreign = await b.call('POST', TASKS, { agent: 'echo', message: 'x', sessionId }, stranger);
  expect(foreign.status).toBe(404);
  await b.json(204, 'DELETE', `/api/v1/sessions/${sessionId}`);
  expect(await a.json(404, 'POST', TASKS, { agent: 'echo', message: 'x', sessionId })).toMatchObject({
    code: 'not_found',
  });
  expect(await get(a, first.taskId)).toMatchObject({ sessionId });
});

test('the very next task of a session goes on with the conversation, however soon it comes', async () => {
  for (let round = 0; round < 20; round++) {
    const { sessionId } = await a.json<{ sessionId: string }>(201, 'POST', '/api/v1/sessions');
    const input = { agent: 'echo', message: 'x', sessionId };
    const { task: first } = await startTask(a, input, WAIT);
    const { task: second } = await startTask(b, input, WAIT);
    expect(second.contextId).toBe(first.contextId);
  }
});
