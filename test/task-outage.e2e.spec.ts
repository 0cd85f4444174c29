import { expect, test } from 'vitest';
import { startAgents } from './support/agents.js';
import { captureLog } from './support/log-lines.js';
import { startOwnPostgres, temporaryDirectory } from './support/own-postgres.js';
import { startServer, type TestServer } from './support/server.js';
import { startTask, taskEvents, TASKS } from './support/task-client.js';
import { until } from './support/until.js';

/** As an EventSource does: comes back where it was until it has the result. */
async function followed(server: TestServer, taskId: string): Promise<{ ids: number[]; state: string | undefined }> {
  const ids: number[] = [];
  for (;;) {
    try {
      const headers = { 'last-event-id': String(ids.at(-1) ?? 0) };
      for await (const { id, event, data } of taskEvents(server, taskId, { headers })) {
        ids.push(id);
        if (event === 'result') return { ids, state: data.task?.state };
      }
    } catch (error) {
      if (!String(error).includes('events answered 503')) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('PostgreSQL is restarted while tasks run: 503 meanwhile, and nothing is lost', { timeout: 90_000 }, async () => {
  using _log = captureLog();
  using directory = temporaryDirectory();
  await using agents = await startAgents();
  await using postgres = await startOwnPostgres(directory.path);
  await using server = await startServer({ env: { DATABASE_URL: postgres.url } });
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('long-runner'), slug: 'long-runner' });
  const { task } = await startTask(server, { agent: 'long-runner', message: 'for 4 s' });
  const following = followed(server, task.taskId);
  await until('it runs', async () => {
    const running = await server.json<{ lastSeq: number }>(200, 'GET', `${TASKS}/${task.taskId}`);
    return running.lastSeq > 1;
  });

  const waiting = startTask(server, { agent: 'long-runner', message: 'for 20 s' }, { prefer: 'wait=1' });
  await until('the agent hears of both', async () => (await agents.ledger('long-runner')).messages.length === 2);
  await postgres.crash();
  const refused = [
    await server.call('GET', `${TASKS}/${task.taskId}`),
    await server.call('POST', TASKS, { agent: 'long-runner', message: 'x' }),
    await server.call('GET', `${TASKS}/${task.taskId}/events`),
    await server.call('POST', '/api/v1/sessions', {}),
  ];
  for (const response of refused) {
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'unavailable', requestId: expect.any(String) });
  }
  // Its task is stored: who started it has to know.
  expect(await waiting).toMatchObject({ status: 202, task: { taskId: expect.any(String) } });
  await postgres.startAgain();

  const { ids, state } = await following;
  expect(state).toBe('completed');
  expect(ids).toEqual(ids.map((_, index) => index + 1));
  expect(await server.json(200, 'GET', `${TASKS}/${task.taskId}`)).toMatchObject({ state: 'completed' });
  const { messages, cancels } = await agents.ledger('long-runner');
  expect({ messages: messages.length, cancels }).toEqual({ messages: 2, cancels: [] });
  const complaints = server.logs.filter(({ level, message }) => level === 'ERROR' && message === 'Request failed');
  expect(complaints.every(({ status }) => status === 503)).toBe(true);
  expect(complaints.length).toBeGreaterThanOrEqual(refused.length);
});
