import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { rows } from './support/database.js';
import { principal } from './support/principals.js';
import { startServer, type TestServer } from './support/server.js';

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') });
}, 60_000);
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

interface DryRun {
  readonly valid: boolean;
  readonly problems: readonly { path: string; message: string }[];
  readonly needs: readonly { kind: string; name: string; exists: boolean; has: string[]; lacks: string[] }[];
  readonly trace?: {
    readonly ended: string;
    readonly steps: readonly { what: string; task: string; afterMs: number; detail?: Record<string, unknown> }[];
    readonly output?: unknown;
    readonly error?: { readonly detail?: string; readonly instance?: string };
    readonly asks?: { readonly task: string; readonly effect: Record<string, unknown> };
    readonly because?: string;
  };
}

const definitionOf = (tasks: unknown[], more: object = {}) => ({
  document: { dsl: '1.0.3', namespace: 'test', name: 'rehearsed', version: '1.0.0' },
  ...more,
  do: tasks,
});
const dryRun = (tasks: unknown[], more: object = {}, others: object = {}) =>
  server.json<DryRun>(200, 'POST', '/api/v1/workflows/dry-run', { definition: definitionOf(tasks, others), ...more });
const ask = { call: 'agent', with: { agent: 'echo', message: '${ "Say \\(.word)" }' } };

test('goes as far as its answers do, and tells what it would ask next', async () => {
  const tasks = [{ ask }, { check: { call: 'human', with: { prompt: '${ "Is \\(.text) good?" }' } } }];
  const first = await dryRun(tasks, { input: { word: 'moin' } });
  expect(first).toMatchObject({ valid: true, problems: [] });
  expect(first.trace).toMatchObject({
    ended: 'unanswered',
    asks: { task: '/do/0/ask', effect: { kind: 'call', call: 'agent', with: { agent: 'echo', message: 'Say moin' } } },
  });
  const second = await dryRun(tasks, { input: {}, answers: { '/do/0/ask': { output: { text: 'moin' } } } });
  expect(second.trace).toMatchObject({
    ended: 'unanswered',
    asks: { task: '/do/1/check', effect: { with: { prompt: 'Is moin good?' } } },
  });
  const answers = { '/do/0/ask': { output: { text: 'moin' } }, '/do/1/check': { output: { approved: true } } };
  const third = await dryRun(tasks, { input: {}, answers });
  expect(third.trace).toMatchObject({ ended: 'completed', output: { approved: true } });
  expect(third.trace?.steps.map(({ what, task }) => `${what} ${task}`)).toEqual([
    'started /do/0/ask',
    'asked /do/0/ask',
    'completed /do/0/ask',
    'started /do/1/check',
    'asked /do/1/check',
    'completed /do/1/check',
  ]);
  const wrong = await dryRun(tasks, {
    input: {},
    answers: { ...answers, '/do/1/check': { output: { approved: 'yes' } } },
  });
  expect(wrong.trace).toMatchObject({ ended: 'faulted', error: { instance: '/do/1/check' } });
});

test('errors, retries, waits, branches and compensations happen as in a run, without waiting', async () => {
  const no = { type: 'https://example.com/no', status: 503 };
  const retry = { delay: { days: 1 }, limit: { attempt: { count: 3 } } };
  const tasks = [
    { book: { ...ask, metadata: { compensate: [{ giveBack: { set: { given: '${ .text }' } } }] } } },
    { guarded: { try: [{ again: ask }], catch: { retry } } },
    {
      race: {
        fork: {
          compete: true,
          branches: [
            { slow: { do: [{ nap: { wait: 'PT2H' } }, { a: { set: '"slow"' } }] } },
            { quick: { wait: 'PT1H' } },
          ],
        },
      },
    },
    { fail: { raise: { error: no } } },
  ];
  const answers = {
    '/do/0/book': { output: { text: 'room 7' } },
    '/do/1/guarded/try/0/again': [{ error: no }, { output: {} }],
  };
  const { trace } = await dryRun(tasks, { answers });
  expect(trace).toMatchObject({ ended: 'faulted', error: { instance: '/do/3/fail' } });
  const told = trace?.steps.map(
    ({ what, task, afterMs }) => `${what} ${task.split('/').at(-1)} ${afterMs / 3_600_000}h`,
  );
  expect(told).toEqual(expect.arrayContaining(['retried guarded 0h', 'asked again 24h', 'completed quick 25h']));
  expect(told?.slice(-5)).toEqual([
    'started fail 25h',
    'faulted fail 25h',
    'undoing book 25h',
    'started giveBack 25h',
    'completed giveBack 25h',
  ]);
});

test('tells what a run needs, what is missing, and which permissions its caller lacks', async () => {
  await server.json(200, 'PUT', '/api/v1/secrets/api-key', { value: 'planted-secret-value' });
  const tasks = [
    { ask },
    { other: { run: { workflow: { namespace: 'test', name: 'missing', version: '1.0.0' } } } },
    { keep: { if: '${ $secrets["api-key"] != null }', set: { kept: true } } },
  ];
  const use = { use: { secrets: ['api-key', 'absent'] } };
  const answers = { '/do/0/ask': { output: {} }, '/do/1/other': { output: {} } };
  const all = await dryRun(tasks, { answers }, use);
  expect(all.needs).toMatchObject([
    { kind: 'server', name: 'store it', lacks: [] },
    { kind: 'server', name: 'run it', lacks: [] },
    { kind: 'server', name: 'follow its runs', lacks: [] },
    { kind: 'agent', name: 'echo', path: '/do/0/ask/with', exists: true, has: ['agents:read', 'agents:call'] },
    { kind: 'workflow', name: 'missing', exists: false },
    { kind: 'secret', name: 'api-key', exists: true },
    { kind: 'secret', name: 'absent', exists: false },
  ]);
  expect(all.trace?.output).toEqual({ kept: true });

  const viewer = await principal(server, { roles: ['viewer'] });
  const body = { definition: definitionOf(tasks, use), answers };
  const seen = await viewer.json<DryRun>(200, 'POST', '/api/v1/workflows/dry-run', body);
  expect(seen.needs.flatMap(({ name, lacks }) => lacks.map((one) => `${one} ${name}`))).toEqual([
    'workflows:write store it',
    'workflows:run run it',
    'agents:call echo',
    'workflows:run missing',
  ]);
  const stranger = await principal(server);
  await stranger.json(403, 'POST', '/api/v1/workflows/dry-run', body);
  await server.json(201, 'POST', '/api/v1/permissions/grants', {
    principal: stranger.principal,
    actions: ['workflows:read'],
    resources: [{ workflow: 'other' }],
  });
  const { needs } = await stranger.json<DryRun>(200, 'POST', '/api/v1/workflows/dry-run', body);
  // What one may not see does not exist.
  expect(needs.find(({ kind }) => kind === 'agent')).toMatchObject({ name: 'echo', exists: false });
});

test('an endless loop, a bad definition, bad input and answers to nothing are told', async () => {
  const endless = await dryRun([{ again: { set: { x: 1 }, then: 'again' } }]);
  expect(endless.trace).toMatchObject({ ended: 'bounded', because: 'A dry run begins at most 500 tasks' });
  const bad = await dryRun([{ ask: { call: 'agent', with: { agent: 'nobody', message: 'x' } } }]);
  expect(bad).toMatchObject({ valid: false, problems: [{ path: '/do/0/ask/with' }] });
  expect(bad.trace).toMatchObject({ ended: 'unanswered' });
  const unread = await dryRun([{ x: { set: { y: '${ .a | }' } } }]);
  expect(unread).toMatchObject({ valid: false, needs: [], problems: [{ path: '/do/0/x/set/y' }] });
  const input = { schema: { document: { type: 'object', required: ['city'] } } };
  const refused = await dryRun([{ x: { set: { y: 1 } } }], { input: {} }, { input });
  expect(refused.trace).toMatchObject({ ended: 'refused', because: expect.stringContaining('city') });
  const body = { definition: definitionOf([{ x: { set: { y: 1 } } }]), answers: { '/do/7/z': { output: 1 } } };
  expect(await server.json(400, 'POST', '/api/v1/workflows/dry-run', body)).toMatchObject({
    detail: expect.stringContaining('/do/7/z'),
  });
});

test('a stored version can be tried too, and nothing is stored or sent by any of this', async () => {
  const definition = definitionOf([{ ask }]);
  await server.json(201, 'POST', '/api/v1/workflows', { definition, status: 'draft' });
  const dry = await server.json<DryRun>(200, 'POST', '/api/v1/workflows/rehearsed/dry-run', {
    input: { word: 'moin' },
    version: '1.0.0',
    answers: { '/do/0/ask': { output: { text: 'moin' } } },
  });
  expect(dry.trace).toMatchObject({ ended: 'completed', output: { text: 'moin' } });
  await server.json(404, 'POST', '/api/v1/workflows/rehearsed/dry-run', { version: '9.9.9' });
  expect(await rows(server.databaseUrl, 'select count(*)::int as n from tasks')).toEqual([{ n: 0 }]);
  expect((await agents.ledger('echo')).messages).toEqual([]);
});
