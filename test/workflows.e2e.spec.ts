import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { rows } from './support/database.js';
import { closeAll, startServer as startHttp } from './support/outbound.js';
import { startServer, type TestServer } from './support/server.js';
import { until } from './support/until.js';
import { postWorkflow, type Run, runWorkflow } from './support/workflow-runs.js';

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer({ env: { AGENT_CALL_TIMEOUT_MS: '8000' } }), startAgents()]);
  for (const name of ['echo', 'researcher', 'long-runner', 'asker', 'flaky'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
}, 60_000);
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
  await closeAll();
});

const run = (name: string, tasks: unknown[], input: unknown = {}, more: object = {}) =>
  runWorkflow(server, name, tasks, input, more);

test('data flows from task to task, and the last output is that of the run', async () => {
  const ended = await run(
    'data-flow',
    [
      { greet: { set: { text: '${ "Hello \\(.name)" }' } } },
      { shout: { set: { text: '${ .text | ascii_upcase }' }, output: { as: '.text' } } },
    ],
    { name: 'Ada' },
  );
  expect(ended).toMatchObject({ phase: 'completed', output: 'HELLO ADA', workflow: 'data-flow' });
});

test('expressions are told which server evaluates them: this version of it', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const ended = await run('runtime', [{ tell: { set: '${ $runtime | {name, version} }' } }]);
  expect(ended.output).toEqual({ name: 'a2a-mcp-server', version });
});

test('a step asks an agent, as a task of its own, and goes on with what it said', async () => {
  const ended = await run(
    'ask-agent',
    [
      { ask: { call: 'agent', with: { agent: 'echo', message: '${ "Say \\(.word)" }' } } },
      { keep: { set: { said: '${ .text }' } } },
    ],
    { word: 'moin' },
  );
  expect(ended).toMatchObject({ phase: 'completed', output: { said: expect.stringContaining('Say moin') } });
  const steps = await rows(server.databaseUrl, `select kind, agent, state from tasks where parent = '${ended.runId}'`);
  expect(steps).toEqual([{ kind: 'agent', agent: 'echo', state: 'completed' }]);
});

test('branches run at once and are joined in their order; the first of those that compete wins', async () => {
  const branches = [
    { slow: { do: [{ wait: { wait: { milliseconds: 300 } } }, { set: { set: { who: 'slow' } } }] } },
    { quick: { set: { who: 'quick' } } },
  ];
  const joined = await run('fork-join', [{ both: { fork: { branches } } }]);
  expect(joined.output).toEqual([{ who: 'slow' }, { who: 'quick' }]);
  const raced = await run('fork-race', [{ race: { fork: { branches, compete: true } } }]);
  expect(raced.output).toEqual({ who: 'quick' });
});

test('what loses a race is stopped: its agent is canceled, its call broken off, its question closed', async () => {
  let brokenOff = false;
  const never = await startHttp((_, response) => void response.on('close', () => (brokenOff = true)));
  const branches = [
    { agent: { call: 'agent', with: { agent: 'long-runner', message: 'run for 60 s' } } },
    { address: { call: 'http', with: { method: 'get', endpoint: `${never.url}/` } } },
    { person: { call: 'human', with: { prompt: 'Who wins?' } } },
    { clock: { do: [{ pause: { wait: { seconds: 3 } } }, { won: { set: { who: 'clock' } } }] } },
  ];
  const tasks = [
    { race: { fork: { branches, compete: true } } },
    { hold: { call: 'human', with: { prompt: 'Go on?' } } },
  ];
  await postWorkflow(server, 'losers', tasks);
  const { runId } = await server.json<Run>(202, 'POST', '/api/v1/workflows/losers/runs', { input: {} });
  const open = () => server.json<{ items: { prompt: string }[] }>(200, 'GET', `/api/v1/approvals?run=${runId}`);
  const prompts = async () => (await open()).items.map(({ prompt }) => prompt);
  await expect.poll(prompts, { timeout: 10_000 }).toContain('Go on?');
  expect(await prompts()).toEqual(['Go on?']);
  const steps = () => rows(server.databaseUrl, `select agent, state from tasks where parent = '${runId}'`);
  await expect.poll(steps, { timeout: 10_000 }).toEqual([{ agent: 'long-runner', state: 'canceled' }]);
  await expect.poll(() => brokenOff, { timeout: 10_000 }).toBe(true);
  await server.json(202, 'POST', `/api/v1/runs/${runId}/cancel`);
});

test('an error is caught, retried and told', async () => {
  const error = { type: 'https://example.com/errors/no', status: 409, title: 'No' };
  const caught = await run('caught', [
    {
      guarded: {
        try: [{ fail: { raise: { error } } }],
        catch: { as: 'why', do: [{ note: { set: { status: '${ $why.status }' } } }] },
      },
    },
  ]);
  expect(caught).toMatchObject({ phase: 'completed', output: { status: 409 } });
  const retried = await run('retried', [
    {
      guarded: {
        try: [{ fail: { raise: { error } } }],
        catch: { retry: { delay: { milliseconds: 10 }, limit: { attempt: { count: 2 } } } },
      },
    },
  ]);
  expect(retried).toMatchObject({ phase: 'faulted', error: { ...error, instance: '/do/0/guarded/try/0/fail' } });
  const timeline = await server.json<{ tasks: { task: string }[] }>(
    200,
    'GET',
    `/api/v1/runs/${retried.runId}/timeline`,
  );
  expect(timeline.tasks.filter(({ task }) => task === '/do/0/guarded/try/0/fail')).toHaveLength(3);
});

test('an agent that takes longer than agents may is an error of its own kind, which can be caught', async () => {
  const type = 'https://serverlessworkflow.io/spec/1.0.0/errors/timeout';
  const late = await run('late', [
    {
      guarded: {
        try: [{ ask: { call: 'agent', with: { agent: 'long-runner', message: 'run for 50 s' } } }],
        catch: { errors: { with: { type } }, as: 'why', do: [{ note: { set: { status: '${ $why.status }' } } }] },
      },
    },
  ]);
  expect(late).toMatchObject({ phase: 'completed', output: { status: 408 } });
});

test('what was completed is undone in reverse order when a run fails', async () => {
  const undone = (name: string) => ({
    [name]: {
      call: 'agent',
      with: { agent: 'echo', message: `do ${name}` },
      metadata: { compensate: [{ undo: { call: 'agent', with: { agent: 'echo', message: `undo ${name}` } } }] },
    },
  });
  const before = (await agents.ledger('echo')).messages.length;
  const steps = ['flight', 'hotel', 'car', 'tour'];
  const failed = await run('saga', [
    ...steps.map(undone),
    { fail: { raise: { error: { type: 'https://example.com/errors/full', status: 409 } } } },
  ]);
  expect(failed).toMatchObject({ phase: 'faulted', undone: true, error: { status: 409 } });
  const said = (await agents.ledger('echo')).messages.slice(before).map(({ text }) => text);
  expect(said).toEqual([...steps.map((name) => `do ${name}`), ...steps.toReversed().map((name) => `undo ${name}`)]);
});

test('a compensation that fails is noted, and the others are done all the same', async () => {
  const say = (message: string) => ({ call: 'agent', with: { agent: 'echo', message } });
  const error = { type: 'https://example.com/errors/full', status: 409 };
  const before = (await agents.ledger('echo')).messages.length;
  const failed = await run('saga-broken', [
    { flight: { ...say('fly'), metadata: { compensate: [{ undo: say('do not fly') }] } } },
    {
      hotel: { ...say('stay'), metadata: { compensate: [{ undo: { raise: { error: { ...error, status: 500 } } } }] } },
    },
    { fail: { raise: { error } } },
  ]);
  expect(failed).toMatchObject({ phase: 'faulted', undone: true, error: { status: 409, instance: '/do/2/fail' } });
  const said = (await agents.ledger('echo')).messages.slice(before).map(({ text }) => text);
  expect(said).toEqual(['fly', 'stay', 'do not fly']);
  const path = `/api/v1/runs/${failed.runId}/timeline`;
  const { events } = await server.json<{ events: { type: string; task: string }[] }>(200, 'GET', path);
  const compensated = events
    .filter(({ type }) => /\.compensation\.(?:completed|faulted)\./.test(type))
    .map(({ type, task }) => [task, type.split('.').at(-2)]);
  expect(compensated).toEqual([
    ['/do/1/hotel', 'faulted'],
    ['/do/0/flight', 'completed'],
  ]);
});

test('a person is asked, and the run goes on with the answer', async () => {
  const started = await server.json<Run>(
    202,
    'POST',
    `/api/v1/workflows/${await postWorkflow(server, 'approve', [
      { ask: { call: 'human', with: { prompt: 'May I?' } } },
    ])}/runs`,
    { input: {} },
  );
  await expect
    .poll(() => server.json<Run>(200, 'GET', `/api/v1/tasks/${started.runId}`), { timeout: 10_000 })
    .toMatchObject({ state: 'input-required' });
  const { items } = await server.json<{ items: { id: string; prompt: string }[] }>(
    200,
    'GET',
    `/api/v1/approvals?run=${started.runId}`,
  );
  expect(items).toMatchObject([{ prompt: 'May I?' }]);
  await server.json(400, 'POST', `/api/v1/approvals/${items[0]?.id}/answer`, { answer: { approved: 'perhaps' } });
  await server.json(200, 'POST', `/api/v1/approvals/${items[0]?.id}/answer`, { answer: { approved: true } });
  await expect
    .poll(() => server.json<Run>(200, 'GET', `/api/v1/runs/${started.runId}`), { timeout: 10_000 })
    .toMatchObject({ phase: 'completed', output: { approved: true } });
});

test('a question is told at once, whatever else is under way, and is the message of the run until it is answered', async () => {
  const held: ServerResponse[] = [];
  const service = createServer((_, response) => held.push(response)).listen(0, '127.0.0.1');
  await once(service, 'listening');
  const { port } = service.address() as AddressInfo;
  const slow = { call: 'http', with: { method: 'get', endpoint: `http://127.0.0.1:${port}/` } };
  const branches = [{ work: slow }, { ask: { call: 'human', with: { prompt: 'May I?' } } }];
  const asking = await run('asks-meanwhile', [{ both: { fork: { branches } } }]);
  expect(asking.phase).toBe('waiting');
  const task = () => server.json<object>(200, 'GET', `/api/v1/tasks/${asking.runId}`);
  expect(await task()).toMatchObject({ state: 'input-required', message: [{ text: 'May I?' }] });

  const open = await server.json<{ items: { id: string }[] }>(200, 'GET', `/api/v1/approvals?run=${asking.runId}`);
  await server.json(200, 'POST', `/api/v1/approvals/${open.items[0]?.id}/answer`, { answer: { approved: true } });
  await expect.poll(task, { timeout: 10_000 }).toMatchObject({ state: 'working' });
  expect(await task()).not.toHaveProperty('message');
  for (const response of held) response.setHeader('content-type', 'application/json').end('{"done":true}');
  await expect
    .poll(() => server.json<Run>(200, 'GET', `/api/v1/runs/${asking.runId}`), { timeout: 10_000 })
    .toMatchObject({ phase: 'completed', output: [{ done: true }, { approved: true }] });
  service.close();
});

test('events wake the runs that listen for them, and only those', async () => {
  const name = await postWorkflow(server, 'listening', [
    {
      order: {
        listen: {
          to: { one: { with: { type: 'order.paid' }, correlate: { id: { from: '.data.id', expect: '${ .id }' } } } },
        },
      },
    },
  ]);
  const [a, b] = await Promise.all(
    ['a', 'b'].map((id) => server.json<Run>(202, 'POST', `/api/v1/workflows/${name}/runs`, { input: { id } })),
  );
  const event = { specversion: '1.0', id: '1', source: '/shop', type: 'order.paid', data: { id: 'b', sum: 3 } };
  await server.json(202, 'POST', '/api/v1/events', event);
  expect(await server.json(202, 'POST', '/api/v1/events', event)).toEqual({ isNew: false });
  const get = (one?: Run) => server.json<Run>(200, 'GET', `/api/v1/runs/${one?.runId}`);
  await expect
    .poll(() => get(b), { timeout: 10_000 })
    .toMatchObject({ phase: 'completed', output: [{ id: 'b', sum: 3 }] });
  expect((await get(a)).phase).not.toBe('completed');
  await server.json(202, 'POST', `/api/v1/runs/${a?.runId}/cancel`);
  await expect.poll(() => get(a), { timeout: 10_000 }).toMatchObject({ phase: 'cancelled' });
});

test('how long steps took is measured by what they ask, and how many runs wait is counted by every replica', async () => {
  const numbers = async ({ url }: Pick<TestServer, 'url'>, metric: string) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const found = text.matchAll(new RegExp(`^${metric}{(.*)} (\\d+)$`, 'gm'));
    return new Map([...found].map(([, labels = '', value]) => [labels.replaceAll('"', ''), Number(value)]));
  };
  const ended = () => numbers(server, 'a2a_workflow_step_duration_seconds_count');
  const before = await ended();
  const nowhere = { call: 'http', with: { method: 'get', endpoint: 'http://127.0.0.1:1/' } };
  await run('steps', [
    { first: { wait: { milliseconds: 1 } } },
    { second: { call: 'agent', with: { agent: 'echo', message: 'moin' } } },
    { third: { try: [{ inner: nowhere }], catch: {} } },
    { race: { fork: { compete: true, branches: [{ a: { wait: { minutes: 1 } } }, { b: { set: { x: 1 } } }] } } },
  ]);
  const grown = async () => {
    const counts = [...(await ended())].map(([labels, n]) => [labels, n - (before.get(labels) ?? 0)]);
    return Object.fromEntries(counts.filter(([, n]) => n !== 0)) as object;
  };
  await expect.poll(grown, { timeout: 10_000 }).toEqual({
    'kind=wait,status=completed': 1,
    'kind=wait,status=cancelled': 1,
    'kind=call_agent,status=completed': 1,
    'kind=call_http,status=faulted': 1,
  });

  const waits = {
    asks: { call: 'human', with: { prompt: 'May I?' } },
    listens: { listen: { to: { one: { with: { type: 'never' } } } } },
    pauses: { wait: { hours: 1 } },
  };
  const begun = Object.entries(waits).map(async ([name, task]) => {
    await postWorkflow(server, name, [{ task }]);
    const { runId } = await server.json<Run>(202, 'POST', `/api/v1/workflows/${name}/runs`, { input: {} });
    return runId;
  });
  const ids = await Promise.all(begun);
  const here = `select 1 from tasks where kind = 'workflow' and finished_at is null and executor is not null`;
  await expect.poll(async () => (await rows(server.databaseUrl, here)).length, { timeout: 10_000 }).toBe(0);
  await using other = await startServer({ env: { DATABASE_URL: server.databaseUrl } });
  await expect
    .poll(async () => Object.fromEntries(await numbers(other, 'a2a_workflow_runs_waiting')), { timeout: 25_000 })
    .toEqual({ 'for=person': 1, 'for=event': 1, 'for=timer': 1 });
  for (const id of ids) await server.json(202, 'POST', `/api/v1/runs/${id}/cancel`);
});

test('a run finds its event among however many came while it waited', async () => {
  const to = { one: { with: { type: 'crowd' }, correlate: { id: { from: '.data.id', expect: '${ .id }' } } } };
  const name = await postWorkflow(server, 'listening-in-a-crowd', [{ mine: { listen: { to } } }]);
  const { runId } = await server.json<Run>(202, 'POST', `/api/v1/workflows/${name}/runs`, { input: { id: 'mine' } });
  await until('it listens', async () => {
    const open = await rows(server.databaseUrl, `select 1 from workflow_waits where run_id = '${runId}'`);
    return open.length > 0;
  });
  await rows(
    server.databaseUrl,
    `insert into workflow_inbox (source, id, type, event, sent_by, delivered)
     select '/crowd', n, 'crowd', json_build_object('specversion', '1.0', 'source', '/crowd', 'id', n, 'type', 'crowd',
       'data', json_build_object('id', n)), 'somebody', true
     from generate_series(1, 10001) as n`,
  );
  const event = { specversion: '1.0', id: 'mine', source: '/crowd', type: 'crowd', data: { id: 'mine' } };
  await server.json(202, 'POST', '/api/v1/events', event);
  await expect
    .poll(() => server.json<Run>(200, 'GET', `/api/v1/runs/${runId}`), { timeout: 10_000 })
    .toMatchObject({ phase: 'completed', output: [{ id: 'mine' }] });
});
