import type { ServerResponse } from 'node:http';
import type { AgentConnection } from '@app/a2a';
import { expect, test } from 'vitest';
import { connectTo, listen, say, useClient } from './support/a2a-client.js';
import { methodsOf, sendJson, sendResult, sendStream, startRpcStub, startStubAgent } from './support/stub-agent.js';

const client = useClient();
const signal = () => AbortSignal.timeout(20_000);

const exchange = (agent: AgentConnection, rest = {}) => listen(client.send(agent, say('hi', rest), signal()));

const task = (state: string, text?: string, more = {}) => ({
  kind: 'task',
  id: 't1',
  contextId: 'c1',
  status: { state, ...(text !== undefined && { message: { role: 'agent', parts: [{ kind: 'text', text }] } }) },
  ...more,
});
const update = (state: string, text?: string) => ({ ...task(state, text), kind: 'status-update', taskId: 't1' });

test('VoltAgent: no kinds, events that begin with a record separator, the answer in the status message', async () => {
  await using stub = await startRpcStub({
    'message/stream': (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      for (const state of ['submitted', 'working', 'completed']) {
        const result = {
          id: 't1',
          contextId: 'c1',
          status: { state, message: { role: 'agent', parts: [{ text: state }] } },
        };
        response.write(`data: \x1e${JSON.stringify({ jsonrpc: '2.0', id: 'x', result })}\n\n`);
      }
      response.end();
    },
  });
  const { snapshot, answer } = await exchange(connectTo(client, stub.url, { streaming: true }));
  expect(snapshot).toMatchObject({ taskId: 't1', contextId: 'c1', state: 'completed' });
  expect(answer).toBe('completed');
});

test('input_required and a status message that is a string (Reactive Agents)', async () => {
  await using stub = await startRpcStub({
    'message/send': (response) =>
      sendResult(response, { id: 't1', status: { state: 'input_required', message: 'Which?' } }),
  });
  expect((await exchange(connectTo(client, stub.url))).snapshot).toMatchObject({
    state: 'input-required',
    message: [{ text: 'Which?' }],
  });
});

test('plain JSON in answer to a stream is taken, and the task followed', async () => {
  await using stub = await startRpcStub({
    'message/stream': (response) => sendResult(response, task('working')),
    'tasks/get': (response) => sendResult(response, task('completed', 'done')),
  });
  expect((await exchange(connectTo(client, stub.url, { streaming: true }))).answer).toBe('done');
});

test('a stream that ends without an outcome: the agent is asked for the truth', async () => {
  await using stub = await startRpcStub({
    'message/stream': (response) => sendStream(response, [task('submitted'), update('working', 'on it')]),
    'tasks/resubscribe': (response) => sendStream(response, [task('working')]),
    'tasks/get': (response) => sendResult(response, task(stub.requests.length > 5 ? 'completed' : 'working', 'done')),
  });
  expect((await exchange(connectTo(client, stub.url, { streaming: true }))).answer).toBe('done');
  expect(methodsOf(stub).slice(0, 4)).toEqual([
    'message/stream',
    'tasks/resubscribe',
    'tasks/get',
    'tasks/resubscribe',
  ]);
});

test('a broken stream is attached to again; what was missed comes with the task as a whole', async () => {
  const artifact = (text: string) => ({ artifactId: 'a', parts: [{ kind: 'text', text }] });
  const chunk = (text: string) => ({ kind: 'artifact-update', taskId: 't1', artifact: artifact(text), append: true });
  await using stub = await startRpcStub({
    'message/stream': (response) => sendStream(response, [task('working'), chunk('1 ')], 'break'),
    'tasks/resubscribe': (response) =>
      sendStream(response, [
        task('working', undefined, { artifacts: [artifact('1 2 ')] }),
        chunk('3'),
        update('completed'),
      ]),
  });
  const { snapshot, answer } = await exchange(connectTo(client, stub.url, { streaming: true }));
  expect([snapshot.state, answer]).toEqual(['completed', '1 2 3']);
  expect(methodsOf(stub)).toEqual(['message/stream', 'tasks/resubscribe']);
});

test('a subscription that does not begin with the task is not trusted', async () => {
  const chunk = {
    kind: 'artifact-update',
    taskId: 't1',
    artifact: { artifactId: 'a', parts: [{ text: '3' }] },
    append: true,
  };
  await using stub = await startRpcStub({
    'message/stream': (response) => sendStream(response, [task('working')], 'break'),
    'tasks/resubscribe': (response) => sendStream(response, [chunk, update('completed')]),
    'tasks/get': (response) =>
      sendResult(response, task('completed', undefined, { artifacts: [{ parts: [{ kind: 'text', text: '1 2 3' }] }] })),
  });
  expect((await exchange(connectTo(client, stub.url, { streaming: true }))).answer).toBe('1 2 3');
});

test('a card that promises streams the agent does not know: the message is sent plainly, once', async () => {
  await using stub = await startRpcStub({
    'message/send': (response) => sendResult(response, task('completed', 'plain')),
  });
  expect((await exchange(connectTo(client, stub.url, { streaming: true }))).answer).toBe('plain');
  expect(methodsOf(stub)).toEqual(['message/stream', 'message/send']);
});

test.each([true, false])(
  'a reply is not mistaken for unanswered by the old question (streaming: %s)',
  async (streaming) => {
    await using stub = await startRpcStub({
      'message/stream': (response) =>
        sendStream(response, [task('input-required', 'Which?'), update('completed', 'Green it is')]),
      'message/send': (response, { body }) => {
        const waits = JSON.stringify(body).includes('"blocking":true');
        sendResult(response, waits ? task('completed', 'Green it is') : task('input-required', 'Which?'));
      },
    });
    const { events, answer } = await exchange(connectTo(client, stub.url, { streaming }), { taskId: 't1' });
    expect(answer).toBe('Green it is');
    expect(events.filter((event) => 'state' in event && event.state === 'input-required')).toEqual([]);
  },
);

test('polling looks less and less often, tells only news, and asks for the history', async () => {
  const looks: number[] = [];
  await using stub = await startRpcStub({
    'message/send': (response) => sendResult(response, task('submitted')),
    'tasks/get': (response) => {
      looks.push(performance.now());
      sendResult(response, task(looks.length < 4 ? 'working' : 'completed', 'done'));
    },
  });
  const { events } = await exchange(connectTo(client, stub.url));
  expect(events.map((event) => 'state' in event && event.state)).toEqual(['submitted', 'working', 'completed']);
  expect(methodsOf(stub)).toHaveLength(5);
  // At 250, 500, 1,000 and 2,000 ms, or later.
  const pauses = looks.slice(1).map((at, i) => at - (looks[i] ?? 0));
  for (const [i, leastMs] of [250, 500, 1_000].entries()) expect(pauses[i]).toBeGreaterThan(leastMs - 10);
  expect(stub.requests[1]?.body?.params).toMatchObject({ id: 't1', historyLength: 100 });
});

test('an agent that is away for a moment is waited for', async () => {
  let looks = 0;
  await using stub = await startRpcStub({
    'message/send': (response) => sendResult(response, task('working')),
    'tasks/get': (response) => {
      looks += 1;
      if (looks === 1) response.writeHead(502).end('<html>Bad gateway</html>');
      else if (looks === 2) response.destroy();
      else sendResult(response, task('completed', 'back again'));
    },
  });
  expect((await exchange(connectTo(client, stub.url))).answer).toBe('back again');
});

test('an agent that dies for good in the middle of a task is given up within a quarter of a minute', async () => {
  const stub = await startRpcStub({ 'message/stream': (response) => sendStream(response, [task('working')], 'break') });
  const talking = exchange(connectTo(client, stub.url, { streaming: true }));
  setTimeout(() => void stub.close(), 10);
  await expect(talking).rejects.toMatchObject({ code: 'unavailable' });
});

test('a stream that breaks before it named a task is unavailable, and is not sent again', async () => {
  await using stub = await startRpcStub({ 'message/stream': (response) => sendStream(response, [], 'break') });
  await expect(exchange(connectTo(client, stub.url, { streaming: true }))).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/broke off its answer/),
  });
  expect(stub.requests).toHaveLength(1);
});

test.each([
  ['nothing', (response: ServerResponse) => sendStream(response, [])],
  [
    'a web page',
    (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Hi</h1>'),
  ],
  ['a number', (response: ServerResponse) => sendResult(response, 7)],
])('an answer that is %s is unavailable', async (_what, answer) => {
  await using stub = await startRpcStub({ 'message/stream': answer });
  await expect(exchange(connectTo(client, stub.url, { streaming: true }))).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining(new URL(stub.url).host),
  });
  expect(stub.requests).toHaveLength(1);
});

test.each(['plain', 'one event', 'a line without end'])('an answer without bounds is cut off: %s', async (shape) => {
  const megabyte = 'x'.repeat(1024 * 1024);
  await using stub = await startRpcStub({
    'message/stream': (response) => {
      response.writeHead(200, { 'content-type': shape === 'plain' ? 'application/json' : 'text/event-stream' });
      const line = shape === 'one event' ? `data: ${megabyte}\n` : megabyte;
      for (let i = 0; i < 30; i += 1) response.write(line);
    },
  });
  await expect(exchange(connectTo(client, stub.url, { streaming: true }))).rejects.toMatchObject({ code: 'too_large' });
});

test('whoever stops listening hangs up', async () => {
  let isHeard = true;
  await using stub = await startRpcStub({
    'message/stream': (response) => {
      response.once('close', () => (isHeard = false));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`data: ${JSON.stringify({ result: task('working') })}\n\n`);
    },
  });
  const agent = connectTo(client, stub.url, { streaming: true });
  for await (const _event of client.send(agent, say('hi'), signal())) break;
  await expect.poll(() => isHeard, { timeout: 10_000 }).toBe(false);
});

test('over HTTP+JSON, a 404 in JSON is an unknown task; one that is a web page is an accident', async () => {
  await using stub = await startStubAgent(({ path }, response) => {
    if (path.includes('unknown')) sendJson(response, { error: { message: 'No such task' } }, 404);
    else response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>No such page</h1>');
  });
  const card = client.readCard({ name: 'Stub', url: stub.url, preferredTransport: 'HTTP+JSON' });
  const unknown = client.get({ card }, 'unknown', signal());
  await expect(unknown).rejects.toMatchObject({ code: 'not_found', reason: 'TASK_NOT_FOUND' });
  const misled = client.get({ card }, 'misled', signal());
  await expect(misled).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('HTTP 404') });
});
