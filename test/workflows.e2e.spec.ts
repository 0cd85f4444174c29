import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { rows } from './support/database.js';
import { startServer, type TestServer } from './support/server.js';
import { until } from './support/until.js';
import { postWorkflow, type Run, runWorkflow } from './support/workflow-runs.js';

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  for (const name of ['echo', 'researcher', 'long-runner', 'asker', 'flaky'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
}, 60_000);
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
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

test('what was completed is undone in reverse order when a run fails', async () => {
  const undone = (name: string) => ({
    [name]: {
      call: 'agent',
      with: { agent: 'echo', message: `do ${name}` },
      metadata: { compensate: [{ undo: { call: 'agent', with: { agent: 'echo', message: `undo ${name}` } } }] },
    },
  });
  const before = (await agents.ledger('echo')).messages.length;
  const failed = await run('saga', [
    undone('flight'),
    undone('hotel'),
    { fail: { raise: { error: { type: 'https://example.com/errors/full', status: 409 } } } },
  ]);
  expect(failed).toMatchObject({ phase: 'faulted', undone: true, error: { status: 409 } });
  const said = (await agents.ledger('echo')).messages.slice(before).map(({ text }) => text);
  expect(said).toEqual(['do flight', 'do hotel', 'undo hotel', 'undo flight']);
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
