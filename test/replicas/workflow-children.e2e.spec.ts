import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newDatabase, rows, type TestDatabase } from '../support/database.js';
import { closeAll, startServer as startHttp } from '../support/outbound.js';
import { startServer, type TestServer } from '../support/server.js';
import { until } from '../support/until.js';
import { postWorkflow, type Run } from '../support/workflow-runs.js';

/** Where the parents are begun. */
let one: TestServer;
/** Where the runs within them end. */
let two: TestServer;
let database: TestDatabase;
let local: string;
/** Requests that wait to be answered, by their paths. */
const held = new Map<string, ServerResponse>();

const start = () => startServer({ env: { DATABASE_URL: database.url, DATABASE_POOL_SIZE: '5' } });

beforeAll(async () => {
  database = await newDatabase();
  const http = await startHttp(({ url = '' }, response) => void held.set(url, response));
  local = http.url;
  one = await start();
  const run = { workflow: { namespace: 'test', name: 'within', version: '1.0.0' } };
  const hold = (path: string) => ({ call: 'http', with: { method: 'get', endpoint: `${local}/${path}/{id}` } });
  await postWorkflow(one, 'within', [
    { ask: { call: 'human', with: { prompt: 'Go on?' }, output: { as: '$workflow.input' } } },
    { works: hold('within') },
  ]);
  const both = { fork: { branches: [{ within: { run } }, { beside: hold('beside') }] } };
  await postWorkflow(one, 'busy-parent', [{ both }]);
  await postWorkflow(one, 'idle-parent', [{ within: { run } }]);
}, 60_000);
afterAll(async () => {
  await Promise.all([one.stop(), two.stop()]);
  await closeAll();
  await database[Symbol.asyncDispose]();
});

interface TaskRow {
  readonly id: string;
  readonly executor: string | null;
  readonly finished_at: Date | null;
}
const taskOf = async (where: string) =>
  (await rows(database.url, `select * from tasks where ${where}`))[0] as unknown as TaskRow;
const release = (path: string) =>
  held
    .get(path)
    ?.writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ done: path }));

/** A parent that waits for a run within it, which a process of its own works on. @returns the parent, and its child */
async function apart(name: string, id: number) {
  two = await start();
  const { runId } = await one.json<Run>(202, 'POST', `/api/v1/workflows/${name}/runs`, { input: { id } });
  const child = await until('the run within was begun', () => taskOf(`parent = '${runId}'`));
  const ask = () =>
    two
      .json<{ items: { id: string }[] }>(200, 'GET', `/api/v1/approvals?run=${child.id}`)
      .then(({ items }) => items[0]);
  const question = await until('it asks', ask);
  await until('nobody works on it', async () => (await taskOf(`id = '${child.id}'`)).executor === null);
  if (name === 'idle-parent')
    await until('nobody works on its parent', async () => (await taskOf(`id = '${runId}'`)).executor === null);
  one.child.kill('SIGSTOP');
  await two.json(200, 'POST', `/api/v1/approvals/${question.id}/answer`, { answer: { approved: true } });
  await until('its call has come', () => held.has(`/within/${id}`));
  return { runId, child: child.id };
}

const ended = (id: string) => until('it ended', async () => (await taskOf(`id = '${id}'`)).finished_at !== null);
const timeline = async (id: string) =>
  (await one.json<{ events: { type: string; task: string }[] }>(200, 'GET', `/api/v1/runs/${id}/timeline`)).events;

test('a run within ends on another replica than its parent is at work on, which goes on', async () => {
  const { runId, child } = await apart('busy-parent', 1);
  one.child.kill('SIGCONT');
  const [owner, other] = [await taskOf(`id = '${runId}'`), await taskOf(`id = '${child}'`)];
  expect(owner.executor).not.toBeNull();
  expect(other.executor).not.toBeNull();
  expect(other.executor).not.toBe(owner.executor);
  release('/within/1');
  const completed = async () =>
    (await timeline(runId)).some(({ type, task }) => type.includes('.task.completed.') && task.endsWith('/within'));
  await until('the parent knows', completed, 15_000);
  release('/beside/1');
  await ended(runId);
  const { phase, output } = await one.json<Run>(200, 'GET', `/api/v1/runs/${runId}`);
  expect({ phase, output }).toEqual({ phase: 'completed', output: [{ done: '/within/1' }, { done: '/beside/1' }] });
  await two.stop();
});

test.each([
  ['busy-parent', 2],
  ['idle-parent', 3],
])('the replica where a run within %s ended dies at that moment, and the parent goes on', async (name, id) => {
  const { runId, child } = await apart(name, id);
  release(`/within/${id}`);
  await ended(child);
  await two.stop('SIGKILL');
  one.child.kill('SIGCONT');
  release(`/beside/${id}`);
  await until('the parent ended', async () => (await taskOf(`id = '${runId}'`)).finished_at !== null, 25_000);
  const { phase, output } = await one.json<Run>(200, 'GET', `/api/v1/runs/${runId}`);
  const within = { done: `/within/${id}` };
  expect({ phase, output }).toEqual({
    phase: 'completed',
    output: name === 'idle-parent' ? within : [within, { done: `/beside/${id}` }],
  });
});
