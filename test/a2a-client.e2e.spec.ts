import { AgentError, type AgentConnection } from '@app/a2a';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, listen, useClient, say } from './support/a2a-client.js';
import { startAgents, type TestAgents } from './support/agents.js';

/** Both versions and both bindings, streamed and polled. */
const WAYS = ['', '-plain', '-rest'] as const;
const everyWay = (name: string) => ['', 'legacy-'].flatMap((version) => WAYS.map((way) => `${version}${name}${way}`));

const client = useClient();
let agents: TestAgents;

beforeAll(async () => {
  agents = await startAgents();
});
afterAll(() => agents[Symbol.asyncDispose]());

const signal = () => AbortSignal.timeout(20_000);
const agent = (name: string) => connect(client, agents.url(name));
const exchange = async (name: string, text: string) => listen(client.send(await agent(name), say(text), signal()));

test.each(everyWay('echo'))('%s says back what it was told, and heard it once', async (name) => {
  const message = say('Hello, wörld 😀');
  const { snapshot, answer } = await listen(client.send(await agent(name), message, signal()));
  expect([snapshot.state, answer]).toEqual(['completed', 'Hello, wörld 😀']);
  expect(snapshot.taskId).toBeTypeOf('string');
  expect(snapshot.contextId).toBeTypeOf('string');
  const heard = (await agents.ledger(name)).messages.filter(({ messageId }) => messageId === message.messageId);
  expect(heard).toMatchObject([{ taskId: snapshot.taskId }]);
});

test.each(everyWay('echo'))('%s gets data and files whole', async (name) => {
  const parts = [
    { text: 'See:' },
    { data: { n: [1, { deep: true }] } },
    { raw: Buffer.from('hello').toString('base64'), filename: 'hi.bin', mediaType: 'application/octet-stream' },
    { url: 'https://example.com/x.png', mediaType: 'image/png' },
  ];
  const { answer } = await listen(client.send(await agent(name), say('', { parts }), signal()));
  expect(answer).toContain('See:');
  expect(answer).toContain('data: {"n":[1,{"deep":true}]}');
  expect(answer).toContain('(application/octet-stream, 5 bytes)');
  expect(answer).toContain('(image/png) at https://example.com/x.png');
});

test.each(everyWay('echo'))('%s may answer directly, without a task', async (name) => {
  const { events, snapshot } = await exchange(name, 'message: no task, please');
  expect(events).toMatchObject([{ kind: 'message', parts: [{ text: 'no task, please' }] }]);
  expect(snapshot).toMatchObject({ state: 'completed' });
});

test.each(everyWay('researcher'))('%s is followed to its end, the report in one piece', async (name) => {
  const { events, snapshot } = await exchange(name, 'Tea in 600ms');
  expect(snapshot.state).toBe('completed');
  expect(snapshot.artifacts.map(({ artifactId }) => artifactId)).toEqual(['report', 'sources']);
  expect(snapshot.artifacts[0]?.parts).toHaveLength(1);
  expect(snapshot.artifacts[0]?.parts[0]?.text).toMatch(/^# Tea in 600ms\n\n1[.][^]*\n4[.][^]*looked up[.]\n$/);
  expect(snapshot.artifacts[1]?.parts[0]?.data).toMatchObject({ sources: [{}, {}] });
  const chunks = events.filter(({ kind }) => kind === 'artifact');
  expect(chunks).toHaveLength(name.includes('plain') ? 0 : 5);
});

test.each(everyWay('asker'))('%s asks, is answered, and completes the same task', async (name) => {
  const asker = await agent(name);
  const asked = await listen(client.send(asker, say('Paint the shed'), signal()));
  const { taskId, contextId } = asked.snapshot;
  expect(asked.snapshot).toMatchObject({ state: 'input-required', message: [{ text: 'Which colour do you want?' }] });
  const again = await listen(client.send(asker, say('again', { taskId, contextId }), signal()));
  expect(again.snapshot).toMatchObject({
    taskId,
    state: 'input-required',
    message: [{ text: 'And which colour after that?' }],
  });
  const done = await listen(client.send(asker, say('Green', { taskId, contextId }), signal()));
  expect(done.snapshot).toMatchObject({ taskId, contextId, state: 'completed' });
  expect(done.answer).toBe('You chose: Green');
});

test.each(everyWay('asker'))('%s that waits for a sign-in ends the iteration at once', async (name) => {
  const { snapshot } = await exchange(name, 'authorize and wait for 5 s');
  expect(snapshot.state).toBe('auth-required');
  expect(snapshot.message?.[0]?.text).toContain('https://example.com/authorize');
});

test.each(everyWay('asker'))(
  '%s that leaves its turn open without a question has answered on the way',
  async (name) => {
    const { snapshot, answer } = await exchange(name, 'The sky, without a question');
    expect([snapshot.state, snapshot.message]).toEqual(['input-required', undefined]);
    expect(answer).toBe('The sky is blue.');
  },
);

test.each(everyWay('flaky'))('%s that fails, rejects or gives up says why', async (name) => {
  for (const [word, state] of [
    ['fail', 'failed'],
    ['reject', 'rejected'],
    ['cancel', 'canceled'],
  ] as const) {
    const { snapshot } = await exchange(name, word);
    expect(snapshot.state).toBe(state);
    expect(snapshot.message?.[0]?.text).toBeTypeOf('string');
  }
});

test.each(everyWay('flaky'))('%s that answers with an error: it is told as the agent said it', async (name) => {
  const failure = exchange(name, 'rpc error');
  await expect(failure).rejects.toBeInstanceOf(AgentError);
  await expect(failure).rejects.toMatchObject({ code: 'unavailable', reason: 'INTERNAL' });
  await expect(failure).rejects.toThrow(
    /^The agent at 127[.]0[.]0[.]1:\d+ answered with an error: This agent was asked/,
  );
});

test.each(everyWay('flaky'))('%s that is down or answers garbage is unavailable', async (name) => {
  await expect(exchange(name, 'http 503')).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/HTTP 503/),
  });
  await expect(exchange(name, 'http 404')).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/HTTP 404/),
  });
  await expect(exchange(name, 'garbage')).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/not JSON/),
  });
});

test.each(['flaky', 'flaky-rest', 'legacy-flaky', 'legacy-flaky-rest'])(
  '%s whose stream breaks is attached to again, and nothing is lost or sent twice',
  async (name) => {
    const message = say('disconnect for 700 ms');
    const { snapshot, answer } = await listen(client.send(await agent(name), message, signal()));
    expect([snapshot.state, answer]).toEqual(['completed', 'Nothing went wrong this time.']);
    const { messages, subscribes, polls } = await agents.ledger(name);
    expect(messages.filter(({ messageId }) => messageId === message.messageId)).toHaveLength(1);
    expect(subscribes + polls).toBeGreaterThan(0);
  },
);

test.each(everyWay('files'))('%s hands out every kind of file', async (name) => {
  const { snapshot } = await exchange(name, 'Everything');
  const parts = Object.fromEntries(snapshot.artifacts.map(({ artifactId, parts: [part] }) => [artifactId, part]));
  expect(parts.image?.raw?.slice(0, 5)).toBe('iVBOR');
  expect(parts.image?.mediaType).toBe('image/png');
  expect(parts.json?.data).toEqual({ unit: 'cm', values: [12, 15, 9], complete: true });
  expect(Buffer.from(parts.file?.raw ?? '', 'base64').toString()).toContain('day,cm');
  expect(parts.link).toMatchObject({ url: 'https://example.com/demo/report.pdf', mediaType: 'application/pdf' });
});

test.each(['files', 'files-plain', 'legacy-files'])(
  '%s: large files come through, too large ones are refused',
  async (name) => {
    const { snapshot } = await exchange(name, 'a big file of 6 MiB');
    expect(Buffer.byteLength(snapshot.artifacts[0]?.parts[0]?.raw ?? '', 'base64')).toBe(6 * 1024 * 1024);
    await expect(exchange(name, 'a big file of 20 MiB')).rejects.toMatchObject({ code: 'too_large' });
  },
);

/** The id of a task that was just begun and is no longer listened to. */
async function begin(runner: AgentConnection, text: string): Promise<string> {
  for await (const event of client.send(runner, say(text), signal())) if (event.kind === 'task') return event.taskId;
  throw new Error('The agent began no task');
}

test.each(everyWay('long-runner'))(
  '%s goes on when nobody listens, is followed again, and stops when told',
  async (name) => {
    const runner = await agent(name);
    const taskId = await begin(runner, 'Run for 60 s');
    expect(await client.get(runner, taskId, signal())).toMatchObject({ kind: 'task', taskId, state: 'working' });
    const following = listen(client.follow(runner, taskId, signal()));
    await client.cancel(runner, taskId, signal());
    const { events, snapshot } = await following;
    expect(events[0]).toMatchObject({ kind: 'task', taskId });
    expect(snapshot.state).toBe('canceled');
    expect((await agents.ledger(name)).cancels).toContain(taskId);
    await expect(client.cancel(runner, taskId, signal())).resolves.toBeUndefined();
  },
);

test.each(everyWay('long-runner'))(
  '%s does not know every task: cancelling that is no error, following it is',
  async (name) => {
    const runner = await agent(name);
    await expect(client.cancel(runner, 'no-such-task', signal())).resolves.toBeUndefined();
    const unknown = { code: 'not_found', reason: 'TASK_NOT_FOUND' };
    await expect(client.get(runner, 'no-such-task', signal())).rejects.toMatchObject(unknown);
    await expect(listen(client.follow(runner, 'no-such-task', signal()))).rejects.toMatchObject(unknown);
  },
);

test.each(everyWay('echo'))('%s: a task that is over is followed as what it is', async (name) => {
  const echo = await agent(name);
  const { snapshot } = await listen(client.send(echo, say('over'), signal()));
  const followed = await listen(client.follow(echo, snapshot.taskId ?? '', signal()));
  expect(followed.answer).toBe('over');
});

test.each(everyWay('long-runner'))(
  '%s: an aborted signal ends everything with its own reason, and cancels nothing',
  async (name) => {
    const runner = await agent(name);
    const abort = new AbortController();
    const taskId = await begin(runner, 'Run for 60 s');
    const following = listen(client.follow(runner, taskId, abort.signal));
    setTimeout(() => abort.abort(), 300);
    await expect(following).rejects.toMatchObject({ name: 'AbortError' });
    expect((await agents.ledger(name)).cancels).not.toContain(taskId);
    expect((await client.get(runner, taskId, signal())).state).toBe('working');
  },
);

test('an agent that hangs is left when the signal says so', async () => {
  const hanging = listen(client.send(await agent('flaky'), say('hang'), AbortSignal.timeout(300)));
  await expect(hanging).rejects.toMatchObject({ name: 'TimeoutError' });
});

test.each(['guarded', 'guarded-rest', 'legacy-guarded', 'legacy-guarded-rest'])(
  '%s lets in who shows the key in any way, and its refusal is told',
  async (name) => {
    const stranger = await agent(name);
    const ways = [
      { credentials: { type: 'bearer', token: 'let-me-in' } },
      { credentials: { type: 'apiKey', in: 'header', name: 'X-Demo-Key', value: 'let-me-in' } },
      { credentials: { type: 'apiKey', in: 'query', name: 'demo_key', value: 'let-me-in' } },
      { headers: { 'x-demo-key': 'let-me-in' } },
    ] as const;
    for (const way of ways) {
      const { answer } = await listen(client.send({ ...stranger, ...way }, say('hi'), signal()));
      expect(answer).toBe('hi');
    }
    const refused = { code: 'unavailable', reason: 'CREDENTIALS_REFUSED', agentCode: 401 };
    await expect(listen(client.send(stranger, say('hi'), signal()))).rejects.toMatchObject(refused);
  },
);
