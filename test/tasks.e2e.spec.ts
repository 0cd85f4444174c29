import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { newDatabase, rows } from './support/database.js';
import { startServer, type TestServer } from './support/server.js';
import { until } from './support/until.js';

interface Task {
  taskId: string;
  agent: string;
  state: string;
  lastSeq: number;
  contextId?: string;
  artifacts: { artifactId: string; parts: { text?: string }[] }[];
  message?: { text?: string }[];
}

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  for (const name of ['echo', 'researcher', 'long-runner', 'asker'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

const start = (agent: string, message: string, on = server) =>
  on.json<Task>(202, 'POST', '/api/v1/tasks', { agent, message });
const get = (id: string, on = server) => on.json<Task>(200, 'GET', `/api/v1/tasks/${id}`);
const inState = (id: string, state: string, on = server) =>
  until(
    `the task is ${state}`,
    async () => {
      const task = await get(id, on);
      return task.state === state && task;
    },
    30_000,
  );
const one = async (sql: string, on = server) => (await rows(on.databaseUrl, sql))[0] ?? {};
const eventsOf = (id: string) =>
  rows(server.databaseUrl, `select seq, kind, body from task_events where task_id = '${id}' order by seq`);

test('a short call takes two statements, each its own commit, and no more', async () => {
  await using database = await newDatabase();
  const calls = 300;
  const commitsOf = async (work: (busy: TestServer) => Promise<unknown>) => {
    const busy = await startServer({ env: { DATABASE_URL: database.url } });
    const client = await busy.mcp();
    await work(busy);
    await client.close();
    await busy.stop();
    // Ended connections have told all they counted.
    return Number(
      (await one('select xact_commit as n from pg_stat_database where datname = current_database()', busy)).n,
    );
  };
  let seconds = 0;
  const idle = await commitsOf((busy) => busy.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') }));
  const all = await commitsOf(async (busy) => {
    const client = await busy.mcp();
    const startedAt = performance.now();
    for (let i = 0; i < calls; i++) {
      const result = await client.callTool({ name: 'echo', arguments: { message: `n ${i}` } });
      if (result.isError) throw new Error(JSON.stringify(result));
    }
    seconds = (performance.now() - startedAt) / 1_000;
    await client.close();
  });
  // Beside the calls: what an idle replica does, at most 5 a second.
  const beside = 5 * seconds;
  expect((all - 2 * idle) / calls).toBeGreaterThan(1.7);
  expect((all - 2 * idle - beside) / calls).toBeLessThan(2.5);
});

test('events are numbered without a gap, and end with one result', async () => {
  const { taskId } = await start('researcher', 'Why in 500ms');
  const task = await inState(taskId, 'completed');
  const events = await eventsOf(taskId);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  expect(events.map(({ kind }) => kind)).toEqual([
    ...Array(events.length - 1).fill(expect.stringMatching(/^(status|artifact)$/)),
    'result',
  ]);
  expect(task.lastSeq).toBe(events.length);
  expect(task.artifacts.map(({ artifactId }) => artifactId)).toEqual(['report', 'sources']);
});

test('a task at work shows what its agent has made so far', async () => {
  const { taskId } = await start('researcher', 'Why in 8s');
  const report = await until('there is something', async () => (await get(taskId)).artifacts[0]?.parts[0]?.text);
  expect(report).toMatch(/^# Why in 8s\n/);
  expect((await get(taskId)).state).toBe('working');
  const { task } = await server.json<{ task: Task }>(200, 'POST', `/api/v1/tasks/${taskId}/cancel`);
  expect(task).toMatchObject({ state: 'canceled', artifacts: [{ artifactId: 'report' }] });
});

test('a cancel is final, reaches the agent once and is told once', async () => {
  const { taskId } = await start('long-runner', 'for 60 s');
  await until('the agent told its id', async () => (await one(`select heard from tasks where id = '${taskId}'`)).heard);
  const before = (await agents.ledger('long-runner')).cancels.length;
  const cancel = () => server.json<{ canceled: boolean }>(200, 'POST', `/api/v1/tasks/${taskId}/cancel`);
  const told = (await Promise.all([cancel(), cancel(), cancel()])).filter(({ canceled }) => canceled);
  expect(told).toHaveLength(1);
  await expect
    .poll(async () => (await agents.ledger('long-runner')).cancels.length, { timeout: 10_000 })
    .toBe(before + 1);
  await until(
    'nobody owns it',
    async () => (await one(`select executor from tasks where id = '${taskId}'`)).executor === null,
  );
  await sleep(300);
  expect((await eventsOf(taskId)).slice(-2).map(({ kind }) => kind)).toEqual(['status', 'result']);
  expect(await get(taskId)).toMatchObject({ state: 'canceled' });
});

test('what an owner writes after it lost its task is lost', async () => {
  const { taskId } = await start('researcher', 'Why in 3s');
  const isHeard = async () => (await one(`select heard from tasks where id = '${taskId}'`)).heard;
  await until('the agent gave a sign of life', isHeard);
  // Another process, alive and well, has the task now.
  await one(`insert into executors (id, name, connections, beat_at)
    values ('00000000-0000-4000-8000-000000000001', 'another', 1, now() + interval '1 h')`);
  await one(
    `update tasks set epoch = epoch + 1, executor = '00000000-0000-4000-8000-000000000001' where id = '${taskId}'`,
  );
  const before = await eventsOf(taskId);
  await sleep(4_000);
  expect(await eventsOf(taskId)).toEqual(before);
  expect(await get(taskId)).toMatchObject({ state: 'working' });
  await one('delete from executors where name = $$another$$');
  expect(await inState(taskId, 'completed')).toMatchObject({ artifacts: [{ artifactId: 'report' }, {}] });
  const events = await eventsOf(taskId);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  expect(events[before.length]).toMatchObject({ kind: 'snapshot' });
});

test('a task that is ours, though nobody works on it, is taken up again', async () => {
  // As when PostgreSQL stored it and went away before it could say so.
  const { taskId } = await start('echo', 'stray');
  await inState(taskId, 'completed');
  await one(`insert into tasks (id, principal, agent, state, inbox, executor, epoch, attempts, deadline)
    select gen_random_uuid(), principal, agent, 'submitted',
      '[{"messageId": "stray-1", "parts": [{"text": "taken up"}]}]', (select id from executors limit 1), 1, 1, deadline
    from tasks where id = '${taskId}'`);
  const stray = async () =>
    (await one("select state from tasks where inbox <> '[]' or epoch = 2 and agent = 'echo'")).state;
  await expect.poll(stray, { timeout: 15_000 }).toBe('completed');
  expect((await agents.ledger('echo')).messages.filter(({ messageId }) => messageId === 'stray-1')).toHaveLength(1);
});

test('answers that come at the same time are all said, one after the other', async () => {
  const { taskId } = await start('asker', 'Paint the shed');
  await inState(taskId, 'input-required');
  const answers = ['red again', 'green again', 'blue again', 'white again'];
  await Promise.all(
    answers.map((message) => server.json(202, 'POST', `/api/v1/tasks/${taskId}/messages`, { message })),
  );
  const said = async () =>
    (await agents.ledger('asker')).messages.map(({ text }) => text).filter((text) => answers.includes(text));
  await expect.poll(said, { timeout: 10_000 }).toHaveLength(answers.length);
  expect(new Set(await said())).toEqual(new Set(answers));
  await inState(taskId, 'input-required');
  await server.json(202, 'POST', `/api/v1/tasks/${taskId}/messages`, { message: 'black' });
  expect(await inState(taskId, 'completed')).toMatchObject({ artifacts: [{ parts: [{ text: 'You chose: black' }] }] });
  const late = await server.call('POST', `/api/v1/tasks/${taskId}/messages`, { message: 'too late' });
  expect(late.status).toBe(409);
});

test('an idempotency key gives the same task, whoever is first, and refuses another input', async () => {
  const begin = (message: string) =>
    server.call('POST', '/api/v1/tasks', { agent: 'echo', message }, { 'idempotency-key': 'order-1' });
  const answers = await Promise.all(Array.from({ length: 10 }, () => begin('once')));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(202));
  const ids = (await Promise.all(answers.map((answer) => answer.json() as Promise<Task>))).map(({ taskId }) => taskId);
  expect(new Set(ids).size).toBe(1);
  await inState(ids[0] ?? '', 'completed');
  expect((await agents.ledger('echo')).messages.filter(({ text }) => text === 'once')).toHaveLength(1);
  expect(await (await begin('twice')).json()).toMatchObject({ status: 409, code: 'conflict' });
});

test('more than there is room for waits, more than may wait is refused, and none of it is lost', async () => {
  await using busy = await startServer({ env: { MAX_CONCURRENCY: '2', MAX_QUEUE_SIZE: '3' } });
  await busy.json(201, 'POST', '/api/v1/agents', { url: agents.url('long-runner') });
  const begun: Task[] = [];
  for (let i = 0; i < 5; i++) begun.push(await start('long-runner', `queue ${i} for 3 s`, busy));
  const refused = await busy.call('POST', '/api/v1/tasks', { agent: 'long-runner', message: 'one more' });
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({
    code: 'rate_limited',
    detail: expect.stringContaining('MAX_QUEUE_SIZE'),
  });
  for (const { taskId } of begun) await inState(taskId, 'completed', busy);
  const sent = (await agents.ledger('long-runner')).messages.filter(({ text }) => text.startsWith('queue'));
  expect(sent).toHaveLength(5);
});

test('an agent may have a limit of its own', async () => {
  await server.json(201, 'POST', '/api/v1/agents', {
    url: agents.url('long-runner'),
    slug: 'single',
    maxConcurrency: 1,
  });
  const begun = await Promise.all([1, 2, 3].map((n) => start('single', `single ${n} for 1 s`)));
  for (const { taskId } of begun) await inState(taskId, 'completed');
  // What the agent received: a replica may claim a task for a moment and give it back.
  const received = (await agents.ledger('long-runner')).messages.filter(({ text }) => text.startsWith('single'));
  const times = received.map(({ at }) => Date.parse(at)).toSorted((a, b) => a - b);
  const between = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  expect(between).toHaveLength(2);
  expect(Math.min(...between)).toBeGreaterThan(950);
});

test('what PostgreSQL cannot store is replaced, not refused', async () => {
  const { taskId } = await start('echo', 'nul \0 and half \ud800 a pair');
  const task = await inState(taskId, 'completed');
  expect(JSON.stringify(task.message ?? task.artifacts)).toContain('nul \ufffd and half \ufffd a pair');
});

test('an agent that waits for an authorization goes on when it has it', async () => {
  const { taskId } = await start('asker', 'authorize and wait for 4 s');
  await inState(taskId, 'auth-required');
  expect(await inState(taskId, 'completed')).toMatchObject({
    artifacts: [{ parts: [{ text: 'Thank you, you are signed in.' }] }],
  });
});

test('a list is by age, newest first, page by page', async () => {
  const all: string[] = [];
  let token = '';
  do {
    const page = await server.json<{ items: Task[]; nextPageToken?: string }>(
      200,
      'GET',
      `/api/v1/tasks?page_size=2&agent=asker${token}`,
    );
    all.push(...page.items.map(({ taskId }) => taskId));
    token = page.nextPageToken === undefined ? '' : `&page_token=${page.nextPageToken}`;
  } while (token !== '');
  const expected = await rows(
    server.databaseUrl,
    "select id from tasks where agent = 'asker' order by created_at desc",
  );
  expect(all).toEqual(expected.map(({ id }) => id));
});

test('old events go, then old tasks; what the tasks came to is told to the end', async () => {
  await using database = await newDatabase();
  const env = { DATABASE_URL: database.url, TASK_RETENTION_HOURS: '24' };
  await using before = await startServer({ env });
  for (const name of ['researcher', 'asker', 'long-runner'])
    await before.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
  const [done, canceled, asking, older] = await Promise.all([
    start('researcher', 'Why in 100ms', before),
    start('researcher', 'Never in 8s', before),
    start('asker', 'Paint the shed', before),
    start('researcher', 'Long ago in 100ms', before),
  ]);
  await until('a report began', async () => (await get(canceled.taskId, before)).artifacts.length > 0);
  await before.json(200, 'POST', `/api/v1/tasks/${canceled.taskId}/cancel`);
  await inState(done.taskId, 'completed', before);
  await inState(older.taskId, 'completed', before);
  await inState(asking.taskId, 'input-required', before);
  const views = await Promise.all([done, canceled].map(({ taskId }) => get(taskId, before)));
  await before.stop();
  const age = (ids: string[], hours: number) =>
    one(
      `update tasks set finished_at = finished_at - interval '${hours} h', rested_at = rested_at - interval '${hours} h'
       where id in ('${ids.join("', '")}')`,
      before,
    );
  await age([done.taskId, canceled.taskId], 2);
  await age([asking.taskId, older.taskId], 25);

  await using after = await startServer({ env });
  const count = async (sql: string) => Number((await one(sql, after)).n);
  const left = () => count('select count(*) as n from tasks');
  await expect.poll(left, { timeout: 15_000 }).toBe(2);
  expect(await count('select count(*) as n from task_events')).toBe(0);
  for (const [i, { taskId }] of [done, canceled].entries()) {
    expect(await get(taskId, after)).toEqual({ ...views[i], finishedAt: expect.any(String) });
    const stream = await (await after.call('GET', `/api/v1/tasks/${taskId}/events?from=1`)).text();
    const last = views[i]?.lastSeq ?? 0;
    expect([...stream.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))).toEqual([last - 1, last]);
  }
  expect((await after.call('GET', `/api/v1/tasks/${asking.taskId}`)).status).toBe(404);
});
