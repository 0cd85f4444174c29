import { expect, test } from 'vitest';
import { startAgents } from '../support/agents.js';
import { newDatabase } from '../support/database.js';
import { startServer } from '../support/server.js';
import { asAdmin, openSocket, readStream } from '../support/ws-client.js';

interface Invocation {
  readonly requestId: string;
  readonly streamUrl: string;
}

/** Two replicas on one database, and one agent. */
async function startPair(name: string) {
  const database = await newDatabase();
  const agents = await startAgents();
  const env = { DATABASE_URL: database.url };
  const one = await startServer({ env });
  await one.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
  const two = await startServer({ env });
  const dispose = async () => {
    await Promise.all([one.stop(), two.stop()]);
    await agents[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  };
  return { one, two, agents, [Symbol.asyncDispose]: dispose };
}

/** The same stream, at another replica. */
const at = (url: string, server: { streamUrl: string }) => {
  const moved = new URL(url);
  moved.port = new URL(server.streamUrl).port;
  return moved.href;
};

test('a stream is served by the other replica: live, from any number, and with the ticket of the first', async () => {
  await using pair = await startPair('researcher');
  await using client = await openSocket(pair.one.streamUrl, asAdmin);
  const { streamUrl } = await client.call<Invocation>('invoke_agent', {
    agentId: 'researcher',
    input: { message: 'Far away in 600ms' },
  });
  const [here, there] = await Promise.all([readStream(streamUrl), readStream(at(streamUrl, pair.two))]);
  const told = ({ frames }: typeof here) => frames.slice(1).map(({ type, seq, content }) => ({ type, seq, content }));
  expect(here.code).toBe(1000);
  expect(told(there)).toEqual(told(here));
  const late = await readStream(`${at(streamUrl, pair.two)}&from=4`);
  expect(told(late)).toEqual(told(here).filter(({ seq }) => Number(seq) > 4));
});

test('SIGTERM ends every connection with 1012 and how to go on, which another replica does', async () => {
  await using pair = await startPair('long-runner');
  await using client = await openSocket(pair.one.streamUrl, asAdmin);
  const { requestId, streamUrl } = await client.call<Invocation>('invoke_agent', {
    agentId: 'long-runner',
    input: { message: 'for 4 s' },
  });
  await using stream = await openSocket(streamUrl);
  await stream.next(({ seq }) => seq === 3);
  void pair.one.stop();
  expect(await client.closed).toEqual({ code: 1012, reason: 'restarting; connect again' });
  const { code, reason } = await stream.closed;
  const last = Number(stream.received.at(-1)?.['seq']);
  expect({ code, reason }).toEqual({ code: 1012, reason: `restarting; connect again and resume with from=${last}` });
  expect(await pair.one.exited).toEqual({ code: 0, signal: null });

  const { frames, code: end } = await readStream(`${at(streamUrl, pair.two)}&from=${last}`);
  expect(end).toBe(1000);
  expect(frames[0]).toMatchObject({ type: 'start', requestId, seq: last });
  expect(frames.at(-1)).toMatchObject({ type: 'final', status: 'done' });
  const { messages } = await pair.agents.ledger('long-runner');
  expect(messages).toHaveLength(1);
});

test('a question is answered, and a request canceled, over the other replica', async () => {
  await using pair = await startPair('asker');
  await using one = await openSocket(pair.one.streamUrl, asAdmin);
  await using two = await openSocket(pair.two.streamUrl, asAdmin);
  const ask = () => one.call<Invocation>('invoke_agent', { agentId: 'asker', input: { message: 'Paint' } });

  const { requestId, streamUrl } = await ask();
  await using stream = await openSocket(streamUrl);
  await stream.next(({ kind, status }) => kind === 'status' && status === 'input_required');
  await two.call('invoke_agent', { agentId: 'asker', requestId, input: { message: 'red' } });
  expect(await stream.next(({ type }) => type === 'final')).toMatchObject({ result: { text: 'You chose: red' } });

  const other = await ask();
  await one.call('subscribe', { requestId: other.requestId });
  expect(await two.call('cancel', { requestId: other.requestId })).toMatchObject({ canceled: true });
  const isEnd = ({ params }: Record<string, unknown>) => (params as { type?: string } | undefined)?.type === 'error';
  expect(await one.next(isEnd)).toMatchObject({
    params: { requestId: other.requestId, status: 'canceled', code: 'canceled' },
  });
});
