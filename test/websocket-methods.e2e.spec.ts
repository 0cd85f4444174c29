import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { startServer, type TestServer } from './support/server.js';
import { asAdmin, openSocket } from './support/ws-client.js';

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  for (const name of ['echo', 'researcher', 'long-runner', 'asker', 'flaky'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

interface Invocation {
  requestId: string;
  status: string;
  streamUrl: string;
  sessionId?: string;
}

/** A request to an agent, as the admin. */
async function invoke(agentId: string, message: string, more: object = {}): Promise<Invocation> {
  await using client = await openSocket(server.streamUrl, asAdmin);
  return await client.call('invoke_agent', { agentId, input: { message }, ...more });
}

describe('the eight methods', () => {
  test('list and describe agents', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const { agents: all } = await client.call<{ agents: { id: string }[] }>('list_agents');
    expect(all.map(({ id }) => id)).toEqual(['asker', 'echo', 'flaky', 'long-runner', 'researcher']);
    expect(await client.call('describe_agent', { id: 'researcher' })).toMatchObject({
      id: 'researcher',
      skills: [{ id: 'research', examples: expect.any(Array) }, { id: 'summarize' }],
      streaming: true,
    });
    expect(await client.ask('describe_agent', { id: 'nobody' })).toMatchObject({
      error: { code: -32000, data: { code: 'not_found' }, message: expect.stringContaining('list_agents') },
    });
  });

  test('invoke an agent and tell its status and result', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const invocation = await client.call<Invocation>('invoke_agent', {
      agentId: 'researcher',
      capability: 'summarize',
      input: { message: 'Everything in 100ms' },
    });
    expect(invocation).toMatchObject({
      status: expect.stringMatching(/^(queued|running)$/),
      streamUrl: expect.any(String),
    });
    const { requestId } = invocation;
    await expect
      .poll(async () => (await client.call('get_status', { requestId }))['status'], { timeout: 10_000 })
      .toBe('done');
    expect(await client.call('get_status', { requestId })).toMatchObject({
      requestId,
      agentId: 'researcher',
      capability: 'summarize',
      message: 'The report is ready.',
      result: {
        text: expect.stringContaining('# Everything'),
        artifacts: [{ artifactId: 'report' }, { artifactId: 'sources' }],
      },
      lastSeq: expect.any(Number),
      createdAt: expect.any(String),
    });
  });

  test.each(['', '*', 'echo'])('the capability %j is the agent as a whole', async (capability) => {
    expect(await invoke('echo', 'hi', { capability })).toMatchObject({ requestId: expect.any(String) });
  });

  test('an unknown capability names those there are', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    expect(
      await client.ask('invoke_agent', { agentId: 'researcher', capability: 'sing', input: { message: 'la' } }),
    ).toMatchObject({
      error: { data: { code: 'not_found' }, message: expect.stringContaining('research, summarize') },
    });
  });

  test('the same idempotency key is the same request', async () => {
    const idempotencyKey = crypto.randomUUID();
    const [one, two] = await Promise.all([
      invoke('echo', 'once', { idempotencyKey }),
      invoke('echo', 'once', { idempotencyKey }),
    ]);
    expect(one?.requestId).toBe(two?.requestId);
    await using client = await openSocket(server.streamUrl, asAdmin);
    const statusOf = async () => (await client.call('get_status', { requestId: one?.requestId }))['status'];
    await expect.poll(statusOf, { timeout: 10_000 }).toBe('done');
    const { messages } = await agents.ledger('echo');
    expect(messages.filter(({ text }) => text === 'once')).toHaveLength(1);
  });

  test('answer what an agent asks, by the requestId', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const { requestId } = await client.call<Invocation>('invoke_agent', {
      agentId: 'asker',
      input: { message: 'Paint' },
    });
    await expect
      .poll(async () => (await client.call('get_status', { requestId }))['status'], { timeout: 10_000 })
      .toBe('input_required');
    expect(await client.call('get_status', { requestId })).toMatchObject({ message: 'Which colour do you want?' });
    const answer = { agentId: 'asker', requestId, input: { message: 'blue' } };
    expect(await client.ask('invoke_agent', { ...answer, agentId: 'echo' })).toMatchObject({
      error: { code: -32602, message: expect.stringContaining('asker') },
    });
    expect(await client.call('invoke_agent', answer)).toMatchObject({ requestId });
    await expect
      .poll(async () => (await client.call('get_status', { requestId }))['status'], { timeout: 10_000 })
      .toBe('done');
    expect(await client.call('get_status', { requestId })).toMatchObject({ result: { text: 'You chose: blue' } });
    expect(await client.ask('invoke_agent', answer)).toMatchObject({ error: { data: { code: 'conflict' } } });
  });

  test('cancel reaches the agent and is final', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const before = (await agents.ledger('long-runner')).cancels.length;
    const { requestId } = await client.call<Invocation>('invoke_agent', {
      agentId: 'long-runner',
      input: { message: 'for 60 s' },
    });
    await expect
      .poll(async () => (await client.call('get_status', { requestId }))['status'], { timeout: 10_000 })
      .toBe('running');
    expect(await client.call('cancel', { requestId })).toEqual({ requestId, canceled: true, status: 'canceled' });
    expect(await client.call('cancel', { requestId })).toEqual({ requestId, canceled: false, status: 'canceled' });
    expect(await client.call('get_status', { requestId })).toMatchObject({
      status: 'canceled',
      error: { code: 'canceled' },
    });
    await expect
      .poll(async () => (await agents.ledger('long-runner')).cancels.length, { timeout: 10_000 })
      .toBe(before + 1);
  });

  test('hand a result and its session to another agent', async () => {
    await using client = await openSocket(server.streamUrl, asAdmin);
    const { sessionId } = await client.call<{ sessionId: string }>('open_session');
    const first = await client.call<Invocation>('invoke_agent', {
      agentId: 'researcher',
      input: { message: 'Handed over in 2s' },
      sessionId,
    });
    const handoff = { fromRequestId: first.requestId, toAgentId: 'echo', payload: { message: 'What do you think?' } };
    expect(await client.ask('handoff', handoff)).toMatchObject({ error: { data: { code: 'conflict' } } });
    const statusOf = async (requestId: string) => client.call('get_status', { requestId });
    await expect.poll(async () => (await statusOf(first.requestId))['status'], { timeout: 10_000 }).toBe('done');
    const second = await client.call<Invocation>('handoff', handoff);
    expect(second).toMatchObject({ sessionId });
    await expect.poll(async () => (await statusOf(second.requestId))['status'], { timeout: 10_000 }).toBe('done');
    const { messages } = await agents.ledger('echo');
    expect(messages.at(-1)?.text).toMatch(/^# Handed over[^]*What do you think\?$/);
    expect(await client.call('close_session', { sessionId })).toEqual({ closed: true });
    expect(await client.call('close_session', { sessionId })).toEqual({ closed: false });
  });
});
