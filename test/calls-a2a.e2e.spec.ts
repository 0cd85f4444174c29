import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { errorOf, useCalls } from './support/calls.js';
import { sendJson, sendResult, startRpcStub, startStubAgent } from './support/stub-agent.js';

const call = await useCalls();
const closed = await useCalls({});
let agents: TestAgents;
beforeAll(async () => {
  agents = await startAgents();
});
afterAll(() => agents[Symbol.asyncDispose]());

const say = (text: string, more: object = {}) => ({
  message: { role: 'user', parts: [{ kind: 'text', text }], ...more },
});
const sending = (server: unknown, text: string, more: object = {}) => ({
  method: 'message/send',
  server,
  parameters: say(text, more),
});

test.each([
  ['message/send', 'echo'],
  ['message/stream', 'echo'],
  ['message/send', 'echo-plain'],
  ['message/stream', 'echo-rest'],
  ['message/send', 'legacy-echo'],
  ['message/stream', 'legacy-echo-rest'],
])('%s to the card of %s brings the finished task', async (method, name) => {
  const uri = `${agents.url(name)}.well-known/agent-card.json`;
  const args = { method, agentCard: { endpoint: uri }, parameters: say('hello') };
  expect(await call('a2a', args)).toMatchObject({
    kind: 'task',
    id: expect.any(String),
    status: { state: 'completed' },
    artifacts: [{ parts: [{ kind: 'text', text: 'hello' }] }],
  });
});

test.each(['echo', 'legacy-echo'])(
  'an address of %s is enough, and the key of the step is the id of the message',
  async (name) => {
    const idempotencyKey = `step-${name}`;
    const context = { idempotencyKey, trace: { parent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' } };
    expect(await call('a2a', sending(agents.url(name), 'message: direct'), context)).toMatchObject({
      kind: 'message',
      parts: [{ kind: 'text', text: 'direct' }],
    });
    expect(JSON.stringify(await agents.ledger(name))).toContain(idempotencyKey);
  },
);

test.each([
  ['fail', 'failed: The database of this agent is on fire'],
  ['reject', 'rejected: This agent does not do such things'],
  ['cancel', 'canceled: This agent changed its mind'],
])('a task that ends with %s does not pass for success', async (word, outcome) => {
  const said = await errorOf(call('a2a', sending(agents.url('flaky'), `please ${word}`)));
  expect(said).toMatch(new RegExp(`^communication 500: The task at 127[\\d.:]+ is ${outcome}`));
});

test('a question is an answer, and the reply to it goes on with the task', async () => {
  const asked = (await call('a2a', sending(agents.url('asker'), 'paint it'))) as { id: string; contextId: string };
  expect(asked).toMatchObject({
    kind: 'task',
    status: { state: 'input-required', message: { parts: [{ kind: 'text' }] } },
  });
  const reply = { taskId: asked.id, contextId: asked.contextId, messageId: 'reply-1' };
  expect(await call('a2a', sending(agents.url('asker'), 'blue', reply))).toMatchObject({ id: asked.id });
});

test('a task can be started, looked at, waited for and cancelled', async () => {
  const server = agents.url('long-runner');
  const parameters = { ...say('run for 60 s'), configuration: { blocking: false } };
  const { id } = (await call('a2a', { method: 'message/send', server, parameters })) as { id: string };
  expect(await call('a2a', { method: 'tasks/get', server, parameters: { id } })).toMatchObject({
    id,
    status: { state: expect.stringMatching(/submitted|working/) },
  });
  const waiting = errorOf(call('a2a', { method: 'tasks/resubscribe', server, parameters: { id } }));
  expect(await call('a2a', { method: 'tasks/cancel', server, parameters: { id } })).toMatchObject({
    status: { state: 'canceled' },
  });
  expect(await waiting).toMatch(/^communication 500: The task at .* is canceled/);
  expect(await errorOf(call('a2a', { method: 'tasks/get', server, parameters: { id: 'unknown' } }))).toMatch(
    /^communication 404: /,
  );
});

test('what authenticates is shown to that origin only, and a refusal is one of authentication', async () => {
  const bearer = { bearer: { token: 'let-me-in' } };
  const uri = agents.url('guarded');
  expect(await call('a2a', sending({ uri, authentication: bearer }, 'hi'))).toMatchObject({
    status: { state: 'completed' },
  });
  expect(await errorOf(call('a2a', sending(uri, 'hi')))).toMatch(/^authentication 401: /);
  await using stranger = await startRpcStub({
    'message/send': (response) => sendResult(response, { kind: 'message', parts: [{ kind: 'text', text: 'hi' }] }),
  });
  await using home = await startStubAgent((_, response) =>
    sendJson(response, { name: 'Stub', url: stranger.url.replace('127.0.0.1', 'localhost') }),
  );
  const agentCard = { endpoint: { uri: `${home.url}card.json`, authentication: bearer } };
  expect(await call('a2a', { method: 'message/send', agentCard, parameters: say('hi') })).toMatchObject({
    kind: 'message',
    parts: [{ text: 'hi' }],
  });
  expect(home.requests[0]?.headers.authorization).toBe('Bearer let-me-in');
  expect(stranger.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

test('other methods go as JSON-RPC in the words of the version that is spoken', async () => {
  await using old = await startRpcStub({
    'tasks/pushNotificationConfig/list': (response) => sendResult(response, [{ id: 'c' }]),
  });
  const method = 'tasks/pushNotificationConfig/list';
  expect(await call('a2a', { method, server: old.url, parameters: { id: 't' } })).toEqual([{ id: 'c' }]);
  expect(old.requests.at(-1)?.body).toMatchObject({ method, params: { id: 't' } });
  await using modern = await startStubAgent(({ path, method: verb }, response) =>
    verb === 'GET'
      ? sendJson(response, {
          name: 'Stub',
          supportedInterfaces: [
            { url: `http://${response.req.headers.host}/`, protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
          ],
        })
      : sendResult(response, { tasks: [], path }),
  );
  expect(await call('a2a', { method: 'tasks/list', server: modern.url })).toEqual({ tasks: [], path: '/' });
  expect(modern.requests.at(-1)).toMatchObject({ body: { method: 'ListTasks' }, headers: { 'a2a-version': '1.0' } });
  const error = await errorOf(call('a2a', { method: 'agent/getAuthenticatedExtendedCard', server: old.url }));
  expect(error).toMatch(/^communication 500: The agent at .* answered with error -32601: Method not found$/);
});

test('an agent that repeats what it was told says nothing of it in an error, and a large answer is one', async () => {
  await using parrot = await startRpcStub({
    'message/send': (response, { body }) =>
      sendJson(response, { jsonrpc: '2.0', id: 1, error: { code: -32602, message: `no: ${JSON.stringify(body)}` } }),
  });
  const said = await errorOf(call('a2a', sending(parrot.url, 'secret-words')));
  expect(said).toMatch(/^validation 400: The agent at .* answered with an error: no: /);
  expect(said).not.toContain('secret-words');
  await using large = await startRpcStub({
    'message/send': (response) =>
      sendResult(response, { kind: 'message', parts: [{ kind: 'text', text: 'x'.repeat(2_000_000) }] }),
  });
  expect(await errorOf(call('a2a', sending(large.url, 'hi')))).toMatch(
    /^communication 502: The answer of .* is larger than 1048576/,
  );
});

test('an agent that hangs ends with the time of the call, and one that is aborted with the reason', async () => {
  await using silent = await startRpcStub({ 'message/send': () => undefined });
  expect(await errorOf(call('a2a', sending(silent.url, 'hi'), { maxMs: 500 }))).toMatch(/^timeout 408: .* 500 ms$/);
  const controller = new AbortController();
  const reason = new Error('cancelled');
  setTimeout(() => controller.abort(reason), 300);
  await expect(call('a2a', sending(silent.url, 'hi'), { signal: controller.signal })).rejects.toBe(reason);
});

test.each([
  [{ server: undefined }, 'validation 400: with.server: expected the address of the agent'],
  [{ method: 'SendMessage' }, 'validation 400: with.method: expected one of message/send'],
  [
    { parameters: { message: { parts: [] } } },
    'validation 400: with.parameters.message.parts: expected at least one part',
  ],
  [{ agentCard: 'x' }, 'validation 400: with.agentCard: expected an object with an endpoint'],
  [{ method: 'tasks/get', parameters: {} }, 'validation 400: with.parameters.id: expected a text'],
])('%j is refused', async (wrong, words) => {
  await using stub = await startRpcStub({});
  expect(await errorOf(call('a2a', { ...sending(stub.url, 'hi'), ...wrong }))).toContain(words);
});

test('private networks are refused', async () => {
  expect(await errorOf(closed('a2a', sending(agents.url('echo'), 'hi')))).toMatch(
    /^authorization 403: .* must not be reached/,
  );
});
