import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from '../support/agents.js';
import { newDatabase, rows, type TestDatabase } from '../support/database.js';
import { startServer, type TestServer } from '../support/server.js';
import { until } from '../support/until.js';
import { postWorkflow, type Run } from '../support/workflow-runs.js';

interface Task {
  taskId: string;
  state: string;
  lastSeq: number;
  artifacts: { parts: { text?: string }[] }[];
  error?: { code: string; message: string };
}

const TAKEOVER_MS = 8_000;
/** Sooner than anybody can be declared dead. */
const AT_ONCE_MS = 2_500;
/** From then on a process may declare others dead. */
const JUDGES_AFTER_MS = 10_500;
/** Takeovers included, also by one whose own heart missed a beat, so that it must wait before it judges again. */
const LATE_MS = 30_000;

let database: TestDatabase;
let agents: TestAgents;
let survivor: TestServer;
beforeAll(async () => {
  [database, agents] = await Promise.all([newDatabase(), startAgents()]);
  survivor = await replica();
  for (const name of ['long-runner', 'researcher-plain', 'legacy-researcher', 'flaky', 'asker'])
    await survivor.json(201, 'POST', '/api/v1/agents', { url: agents.url(name), slug: name });
  await sleep(JUDGES_AFTER_MS);
});
afterAll(async () => {
  await survivor.stop();
  await agents[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

const replica = () => startServer({ env: { DATABASE_URL: database.url } });
const start = (server: TestServer, agent: string, message: string) =>
  server.json<Task>(202, 'POST', '/api/v1/tasks', { agent, message });
const get = (id: string) => survivor.json<Task>(200, 'GET', `/api/v1/tasks/${id}`);
const row = async (id: string) => (await rows(database.url, `select * from tasks where id = '${id}'`))[0] ?? {};
const sends = async (agent: string, text: string) =>
  (await agents.ledger(agent)).messages.filter((message) => message.text === text).map(({ messageId }) => messageId);
const finished = (id: string) =>
  until('the task is over', async () => ((await row(id)).finished_at ? get(id) : undefined), LATE_MS);
const known = (id: string) => until('the agent gave a sign of life', async () => (await row(id)).heard === true);
const takenOver = (id: string) => until('another took over', async () => Number((await row(id)).epoch) > 1, LATE_MS);

/** What is recorded of a task: every number once, one result, last. */
async function expectRecordedOnce(task: Task): Promise<void> {
  const events = await rows(
    database.url,
    `select seq, kind from task_events where task_id = '${task.taskId}' order by seq`,
  );
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  expect(events.flatMap(({ kind }, i) => (kind === 'result' ? [i] : []))).toEqual([events.length - 1]);
  expect(task.lastSeq).toBe(events.length);
}

test.concurrent.each(['long-runner', 'researcher-plain', 'legacy-researcher'])(
  'the owner of a task of %s is killed: another goes on with it, the agent is sent nothing twice',
  async (agent) => {
    const owner = await replica();
    const text = `kill for 9 s ${agent}`;
    const { taskId } = await start(owner, agent, text);
    await known(taskId);
    await owner.stop('SIGKILL');
    const killed = performance.now();
    await takenOver(taskId);
    expect(performance.now() - killed).toBeLessThan(TAKEOVER_MS);
    const task = await finished(taskId);
    expect(task).toMatchObject({
      state: 'completed',
      artifacts: [{ parts: [{ text: expect.any(String) }] }, ...(agent === 'long-runner' ? [] : [{}])],
    });
    await expectRecordedOnce(task);
    expect(
      await rows(database.url, `select 1 from task_events where task_id = '${taskId}' and kind = 'snapshot'`),
    ).not.toEqual([]);
    expect(await sends(agent, text)).toHaveLength(1);
  },
);

test('the owner is frozen and wakes after another took over: what it writes then is lost', async () => {
  const owner = await replica();
  const text = 'freeze for 12 s';
  const { taskId } = await start(owner, 'long-runner', text);
  await known(taskId);
  const { executor } = await row(taskId);
  owner.child.kill('SIGSTOP');
  await takenOver(taskId);
  const { executor: newOwner } = await row(taskId);
  owner.child.kill('SIGCONT');
  await owner.waitForLog(({ message }) => message.startsWith('This process was declared dead'));
  const task = await finished(taskId);
  expect(task.state).toBe('completed');
  await expectRecordedOnce(task);
  expect(newOwner).not.toBe(executor);
  expect(Number((await row(taskId)).epoch)).toBe(2);
  expect(await sends('long-runner', text)).toHaveLength(1);
  // It lives on under a new id.
  const next = await start(owner, 'long-runner', 'after for 100ms');
  expect(await finished(next.taskId)).toMatchObject({ state: 'completed' });
  await owner.stop();
});

test('a task that another took over without its owner knowing: not a word of the owner is written', async () => {
  const owner = await replica();
  const { taskId } = await start(owner, 'long-runner', 'stolen for 4 s');
  await known(taskId);
  // Another process, as the database sees it.
  const [{ id: other } = {}] = await rows(
    database.url,
    `insert into executors (id, name, connections, beat_at) values (gen_random_uuid(), 'other', 1, now() + interval '1 hour') returning id`,
  );
  await rows(database.url, `update tasks set executor = '${String(other)}', epoch = epoch + 1 where id = '${taskId}'`);
  const { last_seq: taken } = await row(taskId);
  // By then its agent has told it everything.
  await sleep(6_000);
  expect(await row(taskId)).toMatchObject({ last_seq: taken, state: 'working', executor: other });
  expect(
    await rows(database.url, `select 1 from task_events where task_id = '${taskId}' and seq > ${String(taken)}`),
  ).toEqual([]);
  await rows(database.url, `delete from executors where id = '${String(other)}'`);
  const task = await finished(taskId);
  expect(task.state).toBe('completed');
  await expectRecordedOnce(task);
  await owner.stop();
});

test('a process that stops gives its tasks away at once', async () => {
  const owner = await replica();
  const text = 'stop for 6 s';
  const { taskId } = await start(owner, 'long-runner', text);
  await known(taskId);
  const stopped = performance.now();
  const exit = owner.stop('SIGTERM');
  await takenOver(taskId);
  expect(performance.now() - stopped).toBeLessThan(AT_ONCE_MS);
  expect((await finished(taskId)).state).toBe('completed');
  expect(await sends('long-runner', text)).toHaveLength(1);
  await exit;
  expect(await rows(database.url, 'select id from executors')).toHaveLength(1);
});

test('the owner dies before the agent gave a sign of life: the same message is sent again, except to be made at most once', async () => {
  const owner = await replica();
  const [text, careful] = ['hang once', 'hang at most once'];
  const { taskId } = await start(owner, 'flaky', text);
  const metadata = { atMostOnce: true };
  const name = await postWorkflow(owner, 'careful', [
    { pay: { call: 'agent', with: { agent: 'flaky', message: careful }, metadata } },
  ]);
  const run = await owner.json<Run>(202, 'POST', `/api/v1/workflows/${name}/runs`, { input: {} });
  const sent = async () => Promise.all([sends('flaky', text), sends('flaky', careful)]);
  await until('both were sent', async () => (await sent()).every((ids) => ids.length > 0));
  await owner.stop('SIGKILL');
  const sentAgain = async () => {
    const ids = await sends('flaky', text);
    return ids.length > 1 && ids;
  };
  const messageIds = await until('it was sent again', sentAgain, LATE_MS);
  expect(new Set(messageIds).size).toBe(1);
  expect(await survivor.json(200, 'POST', `/api/v1/tasks/${taskId}/cancel`)).toMatchObject({ canceled: true });
  await finished(run.runId);
  expect(await survivor.json(200, 'GET', `/api/v1/runs/${run.runId}`)).toMatchObject({
    phase: 'faulted',
    error: { detail: expect.stringContaining('outcome unknown') },
  });
  expect(await sends('flaky', careful)).toHaveLength(1);
});

test('unless the agent is set never to be sent anything again: then the outcome is unknown', async () => {
  await survivor.json(200, 'PATCH', '/api/v1/agents/flaky', { resend: 'never' });
  const owner = await replica();
  const text = 'hang never';
  const { taskId } = await start(owner, 'flaky', text);
  await until('the message was sent', async () => (await sends('flaky', text)).length > 0);
  await owner.stop('SIGKILL');
  expect(await finished(taskId)).toMatchObject({
    state: 'failed',
    error: { code: 'unavailable', message: expect.stringMatching(/^outcome unknown/) },
  });
  expect(await sends('flaky', text)).toHaveLength(1);
});

test('a task is canceled on another replica, and after its owner is gone', async () => {
  const owner = await replica();
  const [one, two] = await Promise.all([
    start(owner, 'long-runner', 'cancel for 60 s'),
    start(owner, 'long-runner', 'orphan for 60 s'),
  ]);
  await Promise.all([known(one.taskId), known(two.taskId)]);
  const before = new Set((await agents.ledger('long-runner')).cancels).size;
  // An agent whose answer to CancelTask got lost is told again.
  const canceled = async () => new Set((await agents.ledger('long-runner')).cancels).size - before;
  expect(await survivor.json(200, 'POST', `/api/v1/tasks/${one.taskId}/cancel`)).toMatchObject({ canceled: true });
  await expect.poll(canceled, { timeout: 10_000 }).toBe(1);
  await owner.stop('SIGKILL');
  expect(await survivor.json(200, 'POST', `/api/v1/tasks/${two.taskId}/cancel`)).toMatchObject({
    canceled: true,
    task: { state: 'canceled' },
  });
  await expect.poll(canceled, { timeout: LATE_MS }).toBe(2);
  await expect.poll(async () => (await row(two.taskId)).executor, { timeout: 10_000 }).toBeNull();
});

test('a question is answered on another replica; the answer outlives the one who took it', async () => {
  const owner = await replica();
  const asked = await start(owner, 'asker', 'Paint the shed');
  await until('the agent asks', async () => (await row(asked.taskId)).state === 'input-required');
  await owner.stop('SIGKILL');
  await survivor.json(202, 'POST', `/api/v1/tasks/${asked.taskId}/messages`, { message: 'green' });
  expect(await finished(asked.taskId)).toMatchObject({
    state: 'completed',
    artifacts: [{ parts: [{ text: 'You chose: green' }] }],
  });
});
