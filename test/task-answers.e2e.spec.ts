import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { startServer, type TestServer } from './support/server.js';
import { startTask, type Task, TASKS } from './support/task-client.js';

/** How often answers are sent at once until one of them comes while the agent is with another. */
const TRIES = 20;

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('asker') });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

/** A task of the agent that asks, which is done after one answer. */
async function asked(): Promise<string> {
  const { task } = await startTask(server, { agent: 'asker', message: 'Paint the shed' }, { prefer: 'wait=10' });
  expect(task.state).toBe('input-required');
  return task.taskId;
}

async function tellAll(taskId: string, messages: readonly string[]): Promise<{ message: string; status: number }[]> {
  return Promise.all(
    messages.map(async (message) => ({
      message,
      status: (await server.call('POST', `${TASKS}/${taskId}/messages`, { message }, { prefer: 'wait=10' })).status,
    })),
  );
}

test('of answers at the same moment each is heard, told as undelivered, or refused', async () => {
  for (let n = 0; n < TRIES; n++) {
    const taskId = await asked();
    const told = await tellAll(
      taskId,
      ['red', 'green', 'blue', 'white'].map((colour) => `${colour} ${n}`),
    );
    const task = await server.json<Task>(200, 'GET', `${TASKS}/${taskId}`);
    const heard = (await agents.ledger('asker')).messages.filter((message) => message.taskId !== undefined);
    const accepted = told.filter(({ status }) => status !== 409).map(({ message }) => message);
    const undelivered = (task.undelivered ?? []).flatMap((parts) => parts.map(({ text = '' }) => text));
    const reached = heard.map(({ text }) => text).filter((text) => accepted.includes(text));
    expect(task.state).toBe('completed');
    expect([...reached, ...undelivered].toSorted()).toEqual(accepted.toSorted());
    if (undelivered.length === 0) continue;
    const status = await server.json<{ items: Task[] }>(200, 'GET', `${TASKS}?agent=asker&page_size=1`);
    expect(status.items[0]?.undelivered).toBeUndefined();
    return;
  }
  throw new Error(`no answer came too late in ${TRIES} tries`);
});

test('an MCP client whose answer came too late is told so', async () => {
  const client = await server.mcp();
  for (let n = 0; n < TRIES; n++) {
    const taskId = await asked();
    const answers = ['red', 'green', 'blue'].map((message) =>
      client.callTool({ name: 'asker', arguments: { task_id: taskId, message } }),
    );
    const results = (await Promise.all(answers)).map(({ content, isError }) => ({
      isError,
      text: (content as { text: string }[]).map(({ text }) => text).join('\n'),
    }));
    const late = results.filter(({ text }) => text.includes('The task was over before the agent could hear'));
    if (late.length === 0) continue;
    expect(late[0]?.text).toMatch(/^You chose: (red|green|blue)\n.*could hear: "(red|green|blue)"/);
    const { structuredContent } = await client.callTool({ name: 'get_status', arguments: { requestId: taskId } });
    expect(structuredContent).toMatchObject({ status: 'done', undelivered: expect.any(Array) as unknown });
    await client.close();
    return;
  }
  throw new Error(`no answer came too late in ${TRIES} tries`);
});
