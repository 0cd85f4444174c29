import { expect, test } from 'vitest';
import { startAgents } from './support/agents.js';
import { newDatabase, rows } from './support/database.js';
import { startServer } from './support/server.js';
import { startTask, TASKS } from './support/task-client.js';

test('a stopping server is not ready from the first moment, and still answers until its work is given away', async () => {
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
  const left = await rows(database.url, 'select t.state, e.id from tasks t left join executors e on e.id = t.executor');
  expect(left).toEqual(Array(2).fill({ state: 'submitted', id: null }));

  await using next = await startServer({ env: { DATABASE_URL: database.url } });
  await expect
    .poll(() => rows(database.url, `select state from tasks where id = '${task.taskId}'`), { timeout: 15_000 })
    .toEqual([{ state: 'completed' }]);
  expect((await next.call('GET', '/readyz')).status).toBe(200);
}, 60_000);
