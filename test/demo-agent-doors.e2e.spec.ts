import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { ClientFactory as LegacyClientFactory } from '@a2a-js/sdk-0.3/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';

let agents: TestAgents;
beforeAll(async () => {
  agents = await startAgents();
});
afterAll(() => agents[Symbol.asyncDispose]());

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** A JSON-RPC call as any HTTP client makes it. */
const call = (name: string, method: string, params: object, headers: object = {}, signal?: AbortSignal) =>
  fetch(agents.url(name), {
    method: 'POST',
    headers: { ...JSON_TYPE, 'A2A-Version': '1.0', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal,
  });

const saying = (text: string, more: object = {}) => ({
  message: { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text }], ...more },
});

const cardOf = (name: string, headers: Record<string, string> = {}) =>
  fetch(`${agents.url(name)}.well-known/agent-card.json`, { headers });

test('the 0.3 SDK client streams from a legacy agent and gets the answer to its question', async () => {
  const client = await new LegacyClientFactory().createFromUrl(agents.url('legacy'), '.well-known/agent-card.json');
  const say = (text: string, taskId?: string) => ({
    message: {
      kind: 'message' as const,
      messageId: randomUUID(),
      role: 'user' as const,
      parts: [{ kind: 'text' as const, text }],
      taskId,
    },
  });
  const chunks: unknown[] = [];
  for await (const event of client.sendMessageStream(say('research tea in 40ms'))) chunks.push(event);
  expect(chunks.at(-1)).toMatchObject({ kind: 'status-update', final: true, status: { state: 'completed' } });
  expect(chunks.filter((event) => (event as { kind: string }).kind === 'artifact-update')).toHaveLength(5);

  const question = await client.sendMessage(say('ask me'));
  expect(question).toMatchObject({ kind: 'task', status: { state: 'input-required' } });
  const answer = await client.sendMessage(say('blue', (question as { id: string }).id));
  expect(answer).toMatchObject({ status: { state: 'completed' }, artifacts: [{ artifactId: 'answer' }] });
});

test('a modern agent knows nothing of 0.3, and a legacy one nothing of 1.0', async () => {
  const card = (await (await cardOf('echo')).json()) as object;
  expect(card).not.toHaveProperty('url');
  expect(await (await call('echo', 'message/send', saying('hi'))).json()).toHaveProperty('error');

  const legacy = (await (await cardOf('legacy')).json()) as object;
  expect(legacy).toMatchObject({ protocolVersion: '0.3.0', url: agents.url('legacy') });
  expect(legacy).not.toHaveProperty('supportedInterfaces');
  expect(await (await call('legacy', 'SendMessage', saying('hi'))).json()).toHaveProperty('error');
});

test('every card names at least one skill with examples and tags', async () => {
  for (const name of ['echo', 'researcher', 'long-runner', 'asker', 'flaky', 'files', 'legacy', 'guarded']) {
    const { skills } = (await (await cardOf(name)).json()) as { skills: { examples: string[]; tags: string[] }[] };
    expect(skills.length).toBeGreaterThan(0);
    for (const skill of skills) expect(Math.min(skill.examples.length, skill.tags.length)).toBeGreaterThan(0);
  }
});

test('a card is fetched again only when it changed, and the ledger counts both', async () => {
  const first = await cardOf('researcher-plain');
  const headers = { 'If-None-Match': first.headers.get('etag') ?? '' };
  expect((await cardOf('researcher-plain', headers)).status).toBe(304);

  const skills = [{ id: 'nap', name: 'Nap', description: 'Sleeps', tags: ['rest'], examples: ['Sleep'] }];
  await agents.changeCard('researcher-plain', { skills });
  const changed = await cardOf('researcher-plain', headers);
  expect(changed.status).toBe(200);
  expect(await changed.json()).toMatchObject({ name: 'Researcher plain', skills });

  await agents.changeCard('researcher-plain', {});
  expect((await cardOf('researcher-plain', headers)).status).toBe(304);
  expect(await agents.ledger('researcher-plain')).toMatchObject({ cardFetches: 4, cardNotModified: 2 });
});

test('guarded answers only those who show its key, in any of the three ways', async () => {
  const refused = await call('guarded', 'SendMessage', saying('hi'));
  expect(refused.status).toBe(401);
  expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/);
  expect((await call('guarded', 'SendMessage', saying('hi'), { Authorization: 'Bearer guess' })).status).toBe(401);

  for (const headers of [{ Authorization: 'Bearer let-me-in' }, { 'X-Demo-Key': 'let-me-in' }]) {
    expect((await call('guarded', 'SendMessage', saying('hi'), headers)).status).toBe(200);
  }
  expect((await call('guarded/?demo_key=let-me-in#', 'SendMessage', saying('hi'))).status).toBe(200);
  expect(await (await cardOf('legacy-guarded')).json()).toMatchObject({
    securitySchemes: { header: { type: 'apiKey', in: 'header', name: 'X-Demo-Key' } },
  });
});

test('flaky hangs without a word, and stalls after its first words', async () => {
  const soon = () => AbortSignal.timeout(300);
  await expect(call('flaky', 'SendMessage', saying('hang'), {}, soon())).rejects.toMatchObject({
    name: 'TimeoutError',
  });

  const hangUp = new AbortController();
  const stalled = await call('flaky', 'SendStreamingMessage', saying('stall'), {}, hangUp.signal);
  let heard = '';
  let after: number | undefined;
  await expect(async () => {
    for await (const chunk of stalled.body ?? []) {
      heard += Buffer.from(chunk).toString();
      if (!heard.includes('TASK_STATE_WORKING') || after !== undefined) continue;
      after = heard.length;
      setTimeout(() => hangUp.abort(), 300);
    }
  }).rejects.toMatchObject({ name: 'AbortError' });
  expect(heard).toHaveLength(after ?? 0);
});

test('long-runner is followed by its task id while it runs, and found by its context', async () => {
  const contextId = randomUUID();
  const begun = await call('long-runner', 'SendMessage', {
    ...saying('for 2 s', { contextId }),
    configuration: { returnImmediately: true },
  });
  const { id } = ((await begun.json()) as { result: { task: { id: string } } }).result.task;
  const events = await (await call('long-runner', 'SubscribeToTask', { id })).text();
  expect(events.startsWith('data: {"jsonrpc":"2.0","id":1,"result":{"task":')).toBe(true);
  expect(events).toContain('Step 4 of 4');
  expect(events).toContain('TASK_STATE_COMPLETED');

  const listed = (await (await call('long-runner', 'ListTasks', { contextId })).json()) as { result: unknown };
  expect(listed.result).toMatchObject({ tasks: [{ id, contextId }], totalSize: 1 });
  expect(await (await call('long-runner', 'GetTask', { id })).json()).toMatchObject({ result: { id } });
  expect(await agents.ledger('long-runner')).toMatchObject({ polls: 1, subscribes: 1 });
});

test('the ledger is emptied on request', async () => {
  await call('echo-plain', 'SendMessage', saying('hi'));
  expect((await agents.ledger('echo-plain')).messages).toHaveLength(1);
  await fetch(`${agents.url('echo-plain')}ledger`, { method: 'DELETE' });
  expect((await agents.ledger('echo-plain')).messages).toEqual([]);
});

test('an agent that is not there is a plain 404', async () => {
  expect((await cardOf('nobody')).status).toBe(404);
});

test('the program says where it listens, and ends with its parent or when it is told to', async () => {
  const start = async () => {
    const env = { PATH: process.env.PATH, PORT: '0', EXIT_WITH_PARENT: '1' };
    const child = spawn(process.execPath, ['dist/apps/demo-agent/src/main.js'], { env });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { url, agents: names } = JSON.parse(line.toString().replace('Demo agents listening ', '')) as {
      url: string;
      agents: string[];
    };
    expect(names).toEqual(['echo', 'researcher', 'long-runner', 'asker', 'flaky', 'files', 'legacy']);
    expect((await fetch(`${url}/echo/.well-known/agent-card.json`)).status).toBe(200);
    return { child, exited: once(child, 'exit') };
  };
  const told = await start();
  told.child.kill('SIGTERM');
  expect(await told.exited).toEqual([0, null]);
  const orphan = await start();
  orphan.child.stdin.end();
  expect(await orphan.exited).toEqual([0, null]);
});
