import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newDatabase, rows, type TestDatabase } from './support/database.js';
import { principal } from './support/principals.js';
import { startServer, type TestServer } from './support/server.js';
import { postWorkflow } from './support/workflow-runs.js';

let database: TestDatabase;
let servers: TestServer[];
beforeAll(async () => {
  database = await newDatabase();
  const start = () => startServer({ env: { DATABASE_URL: database.url } });
  const first = await start();
  servers = [first, ...(await Promise.all([start(), start()]))];
}, 60_000);
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await database[Symbol.asyncDispose]();
});

const server = () => servers[0] as TestServer;
const wait = [{ pause: { wait: { milliseconds: 300 } } }];

interface Begun {
  readonly scheduled_for: Date;
  readonly created_at: Date;
  readonly finished_at: Date | null;
  readonly principal: string;
}

const runsOf = async (name: string) =>
  (await rows(
    database.url,
    `select r.scheduled_for, t.created_at, t.finished_at, t.principal from workflow_runs r
     join tasks t on t.id = r.run_id join workflows w on w.id = r.workflow_id
     where w.name = '${name}' order by t.created_at`,
  )) as unknown as Begun[];

test('each tick of a schedule begins one run, over all replicas, and none while it is paused', async () => {
  await postWorkflow(server(), 'each-second', wait, { schedule: { every: { seconds: 1 } } });
  await expect.poll(async () => (await runsOf('each-second')).length, { timeout: 15_000 }).toBeGreaterThan(2);
  await server().json(200, 'POST', '/api/v1/workflows/each-second/schedule', { paused: true });
  const begun = await runsOf('each-second');
  expect(new Set(begun.map(({ scheduled_for }) => scheduled_for.getTime())).size).toBe(begun.length);
  expect(new Set(begun.map(({ principal }) => principal)).size).toBe(1);
  await sleep(2_500);
  expect(await runsOf('each-second')).toHaveLength(begun.length);
  await server().json(200, 'POST', '/api/v1/workflows/each-second/schedule', { paused: false });
  await expect
    .poll(async () => (await runsOf('each-second')).length, { timeout: 10_000 })
    .toBeGreaterThan(begun.length);
  await server().json(200, 'POST', '/api/v1/workflows/each-second/schedule', { paused: true });
});

test('a schedule of after begins the next run when the one before is over', async () => {
  await postWorkflow(server(), 'after-each', wait, { schedule: { after: { milliseconds: 500 } } });
  await expect.poll(async () => (await runsOf('after-each')).length, { timeout: 20_000 }).toBeGreaterThan(2);
  await server().json(200, 'POST', '/api/v1/workflows/after-each/schedule', { paused: true });
  const begun = await runsOf('after-each');
  const pauses = begun
    .slice(1)
    .map(({ created_at }, i) => created_at.getTime() - (begun[i]?.finished_at?.getTime() ?? 0));
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(500);
});

test('ticks that were missed are one', async () => {
  await postWorkflow(server(), 'missed', wait, { schedule: { cron: '0 0 1 1 *' } });
  await rows(database.url, `update workflows set next_at = now() - interval '3 years' where name = 'missed'`);
  await expect.poll(async () => (await runsOf('missed')).length, { timeout: 10_000 }).toBe(1);
  await sleep(1_500);
  expect(await runsOf('missed')).toHaveLength(1);
  const [next] = await rows(database.url, `select next_at > now() as ahead from workflows where name = 'missed'`);
  expect(next).toEqual({ ahead: true });
});

/** How often any replica counted a run that a schedule could not begin. */
async function refused(): Promise<number> {
  const texts = await Promise.all(servers.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  return texts
    .map((text) => Number(/a2a_workflows_total\{status="refused"\} (\d+)/.exec(text)?.[1]))
    .reduce((sum, count) => sum + count);
}

test('a schedule whose owner lost the key is refused at each tick, which is told, until somebody posts it anew', async () => {
  const owner = await principal(server());
  const names = ['orphan-every', 'orphan-after'];
  await server().json(201, 'POST', '/api/v1/permissions/grants', {
    principal: owner.principal,
    actions: ['workflows:write', 'workflows:run'],
    resources: names.map((workflow) => ({ workflow })),
  });
  const definitionOf = (name: string, version = '1.0.0') => {
    const schedule = { [name.slice('orphan-'.length)]: { seconds: 1 } };
    return { document: { dsl: '1.0.3', namespace: 'test', name, version }, schedule, do: [{ t: { set: { x: 1 } } }] };
  };
  for (const name of names) await owner.json(201, 'POST', '/api/v1/workflows', { definition: definitionOf(name) });
  for (const name of names)
    await expect.poll(async () => (await runsOf(name)).length, { timeout: 10_000 }).toBeGreaterThan(0);
  await server().json(204, 'DELETE', `/api/v1/api-keys/${owner.id}`);
  const before = await refused();
  await expect.poll(refused, { timeout: 15_000 }).toBeGreaterThan(before + 4);
  const told = () =>
    servers
      .flatMap(({ logs }) => logs)
      .filter(({ level, message }) => level === 'WARN' && message.startsWith('A scheduled run could not begin'))
      .map(({ workflow }) => workflow);
  await expect.poll(told, { timeout: 10_000 }).toEqual(expect.arrayContaining(names));
  const begun = new Map<string, number>();
  for (const name of names) begun.set(name, (await runsOf(name)).length);
  for (const name of names) {
    await server().json(201, 'POST', '/api/v1/workflows', { definition: definitionOf(name, '1.0.1') });
    const anew = async () => new Set((await runsOf(name)).slice(begun.get(name)).map((run) => run.principal));
    await expect.poll(anew, { timeout: 10_000 }).toEqual(new Set(['admin']));
    await server().json(200, 'POST', `/api/v1/workflows/${name}/schedule`, { paused: true });
  }
});

test('of the versions of a workflow the newest active one has a schedule, whichever becomes active or ceases to be', async () => {
  const path = '/api/v1/workflows/versions';
  const scheduled = async () => {
    const { items } = await server().json<{ items: { version: string; schedule: { nextAt?: string } }[] }>(
      200,
      'GET',
      `${path}/versions`,
    );
    return items.filter(({ schedule }) => schedule.nextAt !== undefined).map(({ version }) => version);
  };
  const post = (version: string, status: string) =>
    server().json(201, 'POST', '/api/v1/workflows', {
      definition: {
        document: { dsl: '1.0.3', namespace: 'test', name: 'versions', version },
        schedule: { cron: '0 0 1 1 *' },
        do: wait,
      },
      status,
    });
  const change = (what: string, version: string) => server().json(200, 'POST', `${path}/${what}?version=${version}`);
  await post('1.0.0', 'active');
  await post('2.0.0', 'draft');
  expect(await scheduled()).toEqual(['1.0.0']);
  await change('enable', '2.0.0');
  expect(await scheduled()).toEqual(['2.0.0']);
  await change('enable', '1.0.0');
  expect(await scheduled()).toEqual(['2.0.0']);
  await change('disable', '1.0.0');
  expect(await scheduled()).toEqual(['2.0.0']);
  await change('enable', '1.0.0');
  await change('disable', '2.0.0');
  expect(await scheduled()).toEqual(['1.0.0']);
  await post('3.0.0', 'active');
  expect(await scheduled()).toEqual(['3.0.0']);
  await server().json(204, 'DELETE', `${path}?version=3.0.0`);
  expect(await scheduled()).toEqual(['1.0.0']);
  await server().json(200, 'POST', `${path}/schedule`, { paused: true });
  await change('enable', '1.0.0');
  expect(await scheduled()).toEqual([]);
  await server().json(200, 'POST', `${path}/schedule`, { paused: false });
  expect(await scheduled()).toEqual(['1.0.0']);
  await server().json(204, 'DELETE', path);
  expect(await scheduled()).toEqual([]);
});

test('a schedule of after that is held, or handed over, while its run is under way does not go on when that ends', async () => {
  const path = '/api/v1/workflows/under-way';
  const version = (name: string) => ({
    document: { dsl: '1.0.3', namespace: 'test', name: 'under-way', version: name },
    schedule: { after: { milliseconds: 100 } },
    do: [{ ask: { call: 'human', with: { prompt: 'Go on?' } } }],
  });
  type Open = { items: { id: string; runId: string; workflow: string }[] };
  const open = async () =>
    (await server().json<Open>(200, 'GET', '/api/v1/approvals')).items.filter(
      ({ workflow }) => workflow === 'under-way',
    );
  const endOne = async () => {
    await expect.poll(open, { timeout: 10_000 }).toHaveLength(1);
    const [asked] = await open();
    await server().json(200, 'POST', `/api/v1/approvals/${asked?.id}/answer`, { answer: { approved: true } });
    const run = () => server().json(200, 'GET', `/api/v1/runs/${asked?.runId}`);
    await expect.poll(run, { timeout: 10_000 }).toMatchObject({ phase: 'completed' });
  };
  const next = async () =>
    (await server().json<{ schedule: { nextAt?: string } }>(200, 'GET', `${path}?version=1.0.0`)).schedule.nextAt;
  await server().json(201, 'POST', '/api/v1/workflows', { definition: version('1.0.0') });
  await expect.poll(open, { timeout: 10_000 }).toHaveLength(1);
  await server().json(200, 'POST', `${path}/schedule`, { paused: true });
  await endOne();
  expect(await next()).toBeUndefined();
  await server().json(200, 'POST', `${path}/schedule`, { paused: false });
  expect(await next()).toBeDefined();
  await expect.poll(open, { timeout: 10_000 }).toHaveLength(1);
  const later = { ...version('1.0.1'), schedule: { cron: '0 0 1 1 *' } };
  await server().json(201, 'POST', '/api/v1/workflows', { definition: later });
  await endOne();
  expect(await next()).toBeUndefined();
});

const TABLES = ['workflow_runs', 'workflow_frames', 'workflow_waits'];

test('what belongs to runs goes with them, and what others still need stays', async () => {
  const listen = (type: string) => ({ listen: { to: { one: { with: { type } } } } });
  await postWorkflow(server(), 'stays', [{ heard: listen('stays') }]);
  const stays = await server().json<{ runId: string }>(202, 'POST', '/api/v1/workflows/stays/runs', { input: {} });
  // It fails with everything open: threads, a question, a listener, an event of its own.
  const branches = [
    { asks: { call: 'human', with: { prompt: 'Well?' } } },
    { hears: listen('goes') },
    {
      fails: {
        do: [
          ...wait,
          { says: { emit: { event: { with: { source: 'https://example.com/goes', type: 'said' } } } } },
          { no: { raise: { error: { type: 'https://example.com/no', status: 400 } } } },
        ],
      },
    },
  ];
  await postWorkflow(server(), 'goes', [{ all: { fork: { branches } } }]);
  const goes = await server().json<{ runId: string }>(202, 'POST', '/api/v1/workflows/goes/runs', { input: {} });
  const id = `'${goes.runId}'`;
  const over = () => rows(database.url, `select 1 from tasks where id = ${id} and state = 'failed'`);
  await expect.poll(over, { timeout: 10_000 }).toHaveLength(1);
  const left = async () =>
    Promise.all([
      ...TABLES.map((table) => rows(database.url, `select '${table}' as t from ${table} where run_id = ${id}`)),
      rows(database.url, `select 'tasks' as t from tasks where id = ${id}`),
      rows(database.url, `select 'task_events' as t from task_events where task_id = ${id}`),
      rows(database.url, `select 'workflow_inbox' as t from workflow_inbox where source = 'https://example.com/goes'`),
      rows(database.url, `select 'workflow_patterns' as t from workflow_patterns where pattern like '%goes%'`),
    ]).then((all) => [...new Set(all.flat().map(({ t }) => t))]);
  expect(await left()).toEqual([...TABLES, 'tasks', 'task_events', 'workflow_inbox', 'workflow_patterns']);
  await rows(database.url, `update tasks set rested_at = now() - interval '2 years' where id = ${id}`);
  const delivered = () =>
    rows(database.url, `select 1 from workflow_inbox where source = 'https://example.com/goes' and delivered`);
  await expect.poll(delivered, { timeout: 10_000 }).toHaveLength(1);
  await rows(
    database.url,
    `update workflow_inbox set received_at = now() - interval '25 hours' where source = 'https://example.com/goes'`,
  );
  const late = await startServer({ env: { DATABASE_URL: database.url } });
  await expect.poll(left, { timeout: 20_000 }).toEqual([]);
  await late.stop();
  // Another one listens still, and hears.
  const event = { specversion: '1.0', id: '1', source: '/stays', type: 'stays' };
  await server().json(202, 'POST', '/api/v1/events', event);
  const ended = () => server().json(200, 'GET', `/api/v1/runs/${stays.runId}`);
  await expect.poll(ended, { timeout: 10_000 }).toMatchObject({ phase: 'completed' });
  // Where a completed run stood nobody asks any more.
  expect(await rows(database.url, `select 1 from workflow_frames where run_id = '${stays.runId}'`)).toEqual([]);
});
