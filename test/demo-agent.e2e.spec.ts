import { randomUUID } from 'node:crypto';
import { type Artifact, Message, SendMessageRequest, type StreamResponse, Task, taskStateToJSON } from '@a2a-js/sdk';
import {
  type Client,
  ClientFactory,
  ClientFactoryOptions,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from '@a2a-js/sdk/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';

const legacyCompat = { enabled: true };
const factory = new ClientFactory(
  ClientFactoryOptions.createFrom(ClientFactoryOptions.default, {
    transports: [new JsonRpcTransportFactory({ legacyCompat }), new RestTransportFactory({ legacyCompat })],
    cardResolver: new DefaultAgentCardResolver({ legacyCompat }),
  }),
);

let agents: TestAgents;
beforeAll(async () => {
  agents = await startAgents();
});
afterAll(() => agents[Symbol.asyncDispose]());

const connect = (name: string): Promise<Client> =>
  factory.createFromUrl(agents.url(name), '.well-known/agent-card.json');

/** What came of one message, put together from whatever the agent sent. */
interface Outcome {
  id?: string;
  contextId?: string;
  readonly states: string[];
  readonly artifacts: Map<string, Artifact>;
  /** The text of the last status message, or of the direct answer. */
  message?: string;
  readonly events: string[];
}

async function say(name: string, text: string, more: object = {}): Promise<Outcome> {
  const client = await connect(name);
  const card = await client.getAgentCard();
  const message = { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text }], ...more };
  const request = SendMessageRequest.fromJSON({ message });
  const outcome: Outcome = { states: [], artifacts: new Map(), events: [] };
  if (card.capabilities?.streaming !== true) {
    const answer = await client.sendMessage(request);
    note(outcome, 'messageId' in answer ? { $case: 'message', value: answer } : { $case: 'task', value: answer });
    return outcome;
  }
  for await (const { payload } of client.sendMessageStream(request)) note(outcome, payload);
  return outcome;
}

function note(outcome: Outcome, payload: StreamResponse['payload']): void {
  if (payload === undefined) return;
  outcome.events.push(payload.$case);
  if (payload.$case === 'message') {
    outcome.message = textOf(payload.value);
    return;
  }
  if (payload.$case === 'artifactUpdate') {
    const { artifact, append } = payload.value;
    if (artifact === undefined) return;
    const known = append ? outcome.artifacts.get(artifact.artifactId) : undefined;
    outcome.artifacts.set(artifact.artifactId, { ...artifact, parts: [...(known?.parts ?? []), ...artifact.parts] });
    return;
  }
  const { status, contextId } = payload.value;
  outcome.id = payload.$case === 'task' ? payload.value.id : payload.value.taskId;
  outcome.contextId = contextId;
  if (payload.$case === 'task')
    for (const each of payload.value.artifacts) outcome.artifacts.set(each.artifactId, each);
  if (status === undefined) return;
  outcome.states.push(taskStateToJSON(status.state));
  outcome.message = status.message && textOf(status.message);
}

const textOf = (message: Message): string =>
  message.parts.map(({ content }) => (content?.$case === 'text' ? content.value : '')).join('');

const artifactText = (outcome: Outcome, id: string): string =>
  (outcome.artifacts.get(id)?.parts ?? [])
    .map(({ content }) => (content?.$case === 'text' ? content.value : ''))
    .join('');

const WAYS = ['', '-plain', '-rest'].flatMap((suffix) => ['', 'legacy-'].map((prefix) => ({ prefix, suffix })));

describe.each(WAYS)('$prefix…$suffix', ({ prefix, suffix }) => {
  const via = (name: string) => `${prefix}${name}${suffix}`;
  /** The SDKs lose file names and `append` on 0.3 over HTTP+JSON. */
  const lossy = prefix === 'legacy-' && suffix === '-rest';

  test('echo completes with what it was told, and describes data and files', async () => {
    const parts = [{ text: 'hello' }, { data: { a: 1 } }, { raw: 'aGk=', filename: 'hi.txt', mediaType: 'text/plain' }];
    const outcome = await say(via('echo'), '', { parts });
    expect(outcome.states).toEqual(['TASK_STATE_COMPLETED']);
    const file = lossy ? 'unnamed' : 'hi.txt';
    expect(artifactText(outcome, 'echo')).toBe(`hellodata: {"a":1}file: ${file} (text/plain, 2 bytes)`);
  });

  test('echo answers directly when asked to', async () => {
    const outcome = await say(via('echo'), 'message: hi');
    expect(outcome).toMatchObject({ message: 'hi', states: [] });
  });

  test('researcher tells its progress and writes its report in pieces', async () => {
    const outcome = await say(via('researcher'), 'tea in 40ms');
    expect(outcome.states.at(-1)).toBe('TASK_STATE_COMPLETED');
    expect(artifactText(outcome, 'report')).toMatch(
      lossy ? /^4\. .*\n$/ : /^# tea in 40ms\n\n1\. .*\n2\. .*\n3\. .*\n4\. .*\n$/,
    );
    expect(outcome.artifacts.get('sources')?.parts[0]?.content?.$case).toBe('data');
    if (suffix === '-plain') return;
    expect(outcome.states.filter((state) => state === 'TASK_STATE_WORKING')).toHaveLength(5);
    expect(outcome.events.filter((event) => event === 'artifactUpdate')).toHaveLength(5);
  });

  test('asker asks, and completes with the answer', async () => {
    const question = await say(via('asker'), 'paint the shed');
    expect(question.states.at(-1)).toBe('TASK_STATE_INPUT_REQUIRED');
    expect(question.message).toBe('Which colour do you want?');
    const answer = await say(via('asker'), 'green', { taskId: question.id, contextId: question.contextId });
    expect(answer.states.at(-1)).toBe('TASK_STATE_COMPLETED');
    expect(answer.id).toBe(question.id);
    expect(artifactText(answer, 'answer')).toBe('You chose: green');
  });

  test('asker ends its turn without a question, the answer being in a status message', async () => {
    const outcome = await say(via('asker'), 'the sky without a question');
    expect(outcome.states.at(-1)).toBe('TASK_STATE_INPUT_REQUIRED');
    expect(outcome.message).toBeUndefined();
    const client = await connect(via('asker'));
    const task = await client.getTask({ id: outcome.id ?? '', tenant: '', historyLength: 10 });
    expect(task.history.map(textOf)).toContain('The sky is blue.');
  });

  test('asker wants a sign-in, and goes on by itself when it was told to wait for it', async () => {
    const outcome = await say(via('asker'), 'authorize me');
    expect(outcome.states.at(-1)).toBe('TASK_STATE_AUTH_REQUIRED');
    expect(outcome.message).toContain('https://example.com/authorize');
    const later = await say(via('asker'), 'authorize and wait in 30ms');
    expect(later.states).toContain(
      suffix === '-plain' && prefix === '' ? 'TASK_STATE_AUTH_REQUIRED' : 'TASK_STATE_COMPLETED',
    );
  });

  test.each([
    ['fail', 'TASK_STATE_FAILED', 'on fire'],
    ['reject', 'TASK_STATE_REJECTED', 'does not do such things'],
    ['cancel', 'TASK_STATE_CANCELED', 'changed its mind'],
  ])('flaky ends in the state it is asked for: %s', async (word, state, message) => {
    const outcome = await say(via('flaky'), `please ${word}`);
    expect(outcome.states.at(-1)).toBe(state);
    expect(outcome.message).toContain(message);
  });

  test.each(['http 500', 'http 401', 'http 503', 'rpc error', 'rpc error -32005 in stream', 'garbage'])(
    'flaky breaks the exchange as asked: %s',
    async (words) => {
      await expect(say(via('flaky'), words)).rejects.toBeInstanceOf(Error);
    },
  );

  test('flaky breaks the connection, yet its task completes', async () => {
    const messageId = randomUUID();
    await expect(say(via('flaky'), 'disconnect in 400ms', { messageId })).rejects.toBeInstanceOf(Error);
    const { messages } = await agents.ledger(via('flaky'));
    const id = messages.find((message) => message.messageId === messageId)?.taskId ?? '';
    const client = await connect(via('flaky'));
    await expect
      .poll(async () => taskStateToJSON((await client.getTask({ id, tenant: '' })).status?.state ?? 0), {
        timeout: 10_000,
      })
      .toBe('TASK_STATE_COMPLETED');
  });

  test('files hands out every kind of file, and says what it was given', async () => {
    const parts = [{ text: 'all' }, { raw: 'iVBORw==', filename: 'in.png', mediaType: 'image/png' }];
    const { artifacts, states } = await say(via('files'), '', { parts });
    expect(states.at(-1)).toBe('TASK_STATE_COMPLETED');
    const content = (id: string) => artifacts.get(id)?.parts[0];
    expect([...artifacts.keys()]).toEqual(['received', 'image', 'json', 'audio', 'file', 'link']);
    expect(content('received')?.content).toMatchObject({
      value: `file: ${lossy ? 'unnamed' : 'in.png'} (image/png, 4 bytes)`,
    });
    expect(content('image')).toMatchObject({ mediaType: 'image/png', content: { $case: 'raw' } });
    expect(content('json')?.content).toMatchObject({ $case: 'data', value: { unit: 'cm' } });
    expect(content('audio')).toMatchObject({ mediaType: 'audio/wav', content: { $case: 'raw' } });
    expect(content('file')).toMatchObject({ mediaType: 'text/csv', filename: lossy ? '' : 'measurements.csv' });
    expect(content('link')?.content).toMatchObject({ $case: 'url', value: 'https://example.com/demo/report.pdf' });
  });

  test('files makes a file as big as it is asked for', async () => {
    const { artifacts } = await say(via('files'), 'a big file of 2 MiB');
    const content = artifacts.get('big')?.parts[0]?.content;
    expect(content?.$case === 'raw' && content.value.length).toBe(2 * 1024 * 1024);
  });

  test('long-runner is cancelled by its task id, and the cancel is noted', async () => {
    const client = await connect(via('long-runner'));
    const message = { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text: 'for 10 min' }] };
    const begun = await client.sendMessage(
      SendMessageRequest.fromJSON({ message, configuration: { returnImmediately: true } }),
    );
    const { id } = begun as Task;
    const cancelled = await client.cancelTask({ id, tenant: '', metadata: undefined });
    expect(taskStateToJSON(cancelled.status?.state ?? 0)).toBe('TASK_STATE_CANCELED');
    expect((await agents.ledger(via('long-runner'))).cancels).toContain(id);
  });

  test('the ledger holds every message by its id, with its task', async () => {
    const messageId = randomUUID();
    const outcome = await say(via('echo'), 'note this', { messageId });
    const { messages } = await agents.ledger(via('echo'));
    expect(messages.filter((message) => message.messageId === messageId)).toMatchObject([
      { taskId: outcome.id, contextId: outcome.contextId, text: 'note this' },
    ]);
  });
});
