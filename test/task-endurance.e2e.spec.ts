import { afterAll, beforeAll, expect, test } from 'vitest';
import { newDatabase, rows } from './support/database.js';
import { startServer, type TestServer } from './support/server.js';
import { methodsOf, sendJson, sendResult, startRpcStub, type StubAgent } from './support/stub-agent.js';
import { startTask, type Task, TASKS } from './support/task-client.js';

/** An agent that tells the id of its task and then works on; `cancel` is answered as the test says. */
let agent: StubAgent;
let cancelAnswers: number[] = [];
let server: TestServer;
beforeAll(async () => {
  agent = await startRpcStub({
    'message/send': (response) =>
      sendResult(response, { kind: 'task', id: 't1', contextId: 'c1', status: { state: 'working' } }),
    'tasks/get': (response) =>
      sendResult(response, { kind: 'task', id: 't1', contextId: 'c1', status: { state: 'working' } }),
    'tasks/cancel': (response) => sendJson(response, {}, cancelAnswers.shift() ?? 503),
    'message/stream': () => undefined,
  });
  server = await startServer();
  await register(server, 'worker', false);
});
afterAll(async () => {
  await server.stop();
  await agent.close();
});

const register = (on: TestServer, slug: string, streaming: boolean) => {
  const card = { name: slug, protocolVersion: '0.3.0', url: agent.url, preferredTransport: 'JSONRPC', skills: [] };
  const rest = { description: 'Works.', version: '1', capabilities: { streaming } };
  const modes = { defaultInputModes: ['text/plain'], defaultOutputModes: ['text/plain'] };
  return on.json(201, 'POST', '/api/v1/agents', { slug, card: { ...card, ...rest, ...modes } });
};
const cancels = () => methodsOf(agent).filter((method) => method === 'tasks/cancel').length;
const rowOf = async (id: string, on = server) =>
  (await rows(on.databaseUrl, `select state, executor, due_at, attempts from tasks where id = '${id}'`))[0];

async function working(): Promise<string> {
  const { task } = await startTask(server, { agent: 'worker', message: 'hi' });
  await expect
    .poll(() => rows(server.databaseUrl, `select upstream_id from tasks where id = '${task.taskId}'`), {
      timeout: 10_000,
    })
    .toEqual([{ upstream_id: 't1' }]);
  return task.taskId;
}

test('an agent that is out of reach is told again that its task is canceled, until it hears', async () => {
  const id = await working();
  const before = cancels();
  cancelAnswers = [503, 503, 200];
  expect(await server.json(200, 'POST', `${TASKS}/${id}/cancel`)).toMatchObject({ canceled: true });
  await expect.poll(() => cancels() - before, { timeout: 20_000 }).toBe(3);
  await expect
    .poll(() => rowOf(id), { timeout: 10_000 })
    .toMatchObject({ state: 'canceled', executor: null, due_at: null });
});

test('at some time it is told no more, and nobody is left with the task', async () => {
  const id = await working();
  // As if it had been tried five times already; the next is the last.
  await rows(server.databaseUrl, `update tasks set attempts = 5 where id = '${id}' returning id`);
  const before = cancels();
  await server.json(200, 'POST', `${TASKS}/${id}/cancel`);
  await expect.poll(() => cancels() - before, { timeout: 10_000 }).toBe(2);
  await expect
    .poll(() => rowOf(id), { timeout: 10_000 })
    .toMatchObject({ state: 'canceled', executor: null, due_at: null, attempts: 6 });
});

test('a task that ended its owner ten times is given up', async () => {
  await using database = await newDatabase();
  const env = { DATABASE_URL: database.url };
  const first = await startServer({ env });
  await register(first, 'silent', true);
  const { task } = await startTask(first, { agent: 'silent', message: 'hi' });
  await rows(database.url, `update tasks set attempts = 10 where id = '${task.taskId}' returning id`);
  await first.stop('SIGKILL');
  await using second = await startServer({ env });
  const told = () => second.json<Task>(200, 'GET', `${TASKS}/${task.taskId}`);
  await expect.poll(async () => (await told()).state, { timeout: 40_000 }).toBe('failed');
  expect((await told()).error).toEqual({
    code: 'unavailable',
    message: 'given up after 10 attempts, each of which ended with its process',
  });
}, 60_000);

test('a warning says when all replicas together may open more connections than PostgreSQL takes', async () => {
  await using greedy = await startServer({ env: { DATABASE_POOL_SIZE: '500' } });
  const warning = await greedy.waitForLog(({ message }) => message.startsWith('All replicas together may open more'));
  expect(warning).toMatchObject({ level: 'WARN', wanted: 501 });
  expect(Number(warning['allowed'])).toBeLessThan(501);
});
