import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { rows } from './support/database.js';
import { closeAll, startServer as startHttp } from './support/outbound.js';
import { startServer, type TestServer } from './support/server.js';
import { type Run, postWorkflow, runWorkflow } from './support/workflow-runs.js';

interface Scenario {
  readonly feature: string;
  readonly name: string;
  readonly do: unknown[];
  readonly more?: object;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly has?: readonly string[];
  readonly error?: { readonly type: string };
  readonly order?: readonly string[];
}
const text = readFileSync('test/support/workflow-conformance.yaml', 'utf8');
const scenarios = parse(text) as Scenario[];
const ERRORS = 'https://serverlessworkflow.io/spec/1.0.0/errors/';

const PETS = [
  { id: 1, name: 'Milou', status: 'available' },
  { id: 2, name: 'Idefix', status: 'sold' },
];
const LOGIN = `Basic ${Buffer.from('ada:lovelace').toString('base64')}`;
const SECRET = 'tell-nobody-4711';

/** A shop of pets. `/never` does not answer, `/echo` says in an error what it was told. */
const shop: RequestListener = ({ url = '', headers: { authorization = '' } }, response) => {
  const { pathname, searchParams } = new URL(url, 'http://shop');
  if (pathname === '/never') return;
  const [, kind, id] = pathname.split('/');
  const pets = PETS.filter(({ status }) => status === searchParams.get('status'));
  const answers: Record<string, [number, unknown]> = {
    pets: [200, id === undefined ? pets : PETS.find((pet) => pet.id === Number(id))],
    login: authorization === LOGIN ? [200, { hello: 'ada' }] : [401, {}],
    named: [id === 'busy' ? 503 : 404, { message: id }],
    token: authorization === `Bearer ${SECRET}` ? [200, { fine: true }] : [401, {}],
    echo: [500, { authorization }],
  };
  const [status, body] = answers[kind ?? ''] ?? [404, {}];
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

let server: TestServer;
let pets: string;
beforeAll(async () => {
  const [started, http] = await Promise.all([
    startServer({ env: { ALLOWED_NETWORKS: '127.0.0.0/8' } }),
    startHttp(shop),
  ]);
  [server, pets] = [started, http.url];
  await server.json(200, 'PUT', '/api/v1/secrets/shopKey', { value: SECRET });
}, 60_000);
afterAll(async () => {
  await server.stop();
  await closeAll();
});

type Event = { type: string; task: string };
const eventsOf = async ({ runId }: Run) =>
  (await server.json<{ events: Event[] }>(200, 'GET', `/api/v1/runs/${runId}/timeline`)).events;
const at = (path: string, value: unknown): unknown =>
  path.split('.').reduce((found, name) => (found as Record<string, unknown> | undefined)?.[name], value);

/** What the run came to, as far as the scenario speaks of it. */
async function outcomeOf(run: Run, { has, order, error }: Scenario) {
  const completed = (await eventsOf(run)).filter(({ type }) => type.includes('.task.completed.'));
  return {
    phase: run.phase,
    output: has === undefined ? run.output : has.filter((path) => at(path, run.output) === undefined),
    error: Object.fromEntries(Object.keys(error ?? {}).map((name) => [name, at(name, run.error)])),
    ...(order !== undefined && { order: completed.map(({ task }) => task) }),
  };
}

function expectedOf({ output, has, error, order }: Scenario) {
  const type = error && (error.type.includes('://') ? error.type : ERRORS + error.type);
  return {
    phase: error === undefined ? 'completed' : 'faulted',
    output: has === undefined ? output : [],
    error: { ...error, ...(type && { type }) },
    ...(order !== undefined && { order }),
  };
}

test.each(scenarios.map((scenario, index) => ({ ...scenario, index })))('$feature: $name', async (scenario) => {
  const tasks = JSON.parse(JSON.stringify(scenario.do).replaceAll('{pets}', pets)) as unknown[];
  const run = await runWorkflow(server, `conformance-${scenario.index}`, tasks, scenario.input ?? {}, scenario.more);
  expect(await outcomeOf(run, scenario)).toEqual(expectedOf(scenario));
});

test('each task that started ended once, whatever became of the run', async () => {
  const events = await rows(
    server.databaseUrl,
    `select task_id::text as run, split_part(body ->> 'type', '.', 4) as what, body ->> 'task' as task,
       body ->> 'key' as key from task_events where kind = 'step' and body ->> 'type' like '%.task.%'`,
  );
  const count = (...kinds: string[]) =>
    events.filter(({ what }) => kinds.includes(String(what))).map(({ run, task, key }) => [run, task, key].join(' '));
  const ended = count('completed', 'faulted', 'cancelled');
  expect(ended.length).toBeGreaterThan(scenarios.length);
  expect(ended.toSorted()).toEqual(count('started').toSorted());
});

test('a secret reaches whom it is for, and nothing that is kept', async () => {
  const call = (path: string, endpoint: object, more: object = {}) => ({
    call: 'http',
    with: { method: 'get', endpoint: { uri: `${pets}/${path}`, ...endpoint }, ...more },
  });
  const use = {
    secrets: ['shopKey'],
    authentications: { shop: { bearer: { token: '${ $secrets[.name] }' } } },
  };
  const told = await runWorkflow(
    server,
    'secret-told',
    [
      { byHeader: call('token', {}, { headers: { authorization: '${ "Bearer \\($secrets.shopKey)" }' } }) },
      { byPolicy: { ...call('token', { authentication: { use: 'shop' } }), input: { from: '{ name: "shopKey" }' } } },
      { bySecret: call('token', { authentication: { bearer: { use: 'shopKey' } } }) },
    ],
    {},
    { use },
  );
  expect(told).toMatchObject({ phase: 'completed', output: { fine: true } });
  const echoed = { headers: { authorization: '${ "Bearer \\($secrets.shopKey)" }' } };
  expect(await runWorkflow(server, 'secret-echoed', [{ a: call('echo', {}, echoed) }], {}, { use })).toMatchObject({
    error: { status: 500 },
  });
  const wrong = { headers: { x: '${ $secrets.shopKey | tonumber }' } };
  expect(await runWorkflow(server, 'secret-wrong', [{ a: call('echo', {}, wrong) }], {}, { use })).toMatchObject({
    error: { type: `${ERRORS}expression`, instance: '/do/0/a' },
  });
  const condition = [{ a: { if: '$secrets.shopKey | tonumber', set: { x: 1 } } }];
  expect(await runWorkflow(server, 'secret-condition', condition, {}, { use })).toMatchObject({
    error: { type: `${ERRORS}expression`, instance: '/do/0/a' },
  });
  const tables = ['tasks', 'task_events', 'workflow_runs', 'workflow_frames', 'workflow_waits', 'workflow_inbox'];
  const holding = await Promise.all(
    tables.map((table) =>
      rows(server.databaseUrl, `select '${table}' as t from ${table} r where to_json(r)::text like '%${SECRET}%'`),
    ),
  );
  expect(holding.flat()).toEqual([]);
});

test('an expression that is out to harm faults its own run, and the one beside it is served', async () => {
  const evil = [
    'def f: f; f',
    '[range(1e9)] | length',
    '"\\("a" * 40)b" | test("^(a+)+$")',
    '[limit(3e6; repeat("xxxxxxxxxx"))] | add',
  ];
  const runs = evil.map((expression, i) =>
    runWorkflow(server, `evil-${i}`, [{ t: { set: { x: `\${ ${expression} }` } } }]),
  );
  const name = await postWorkflow(server, 'beside', [{ t: { set: { fine: '${ 1 + 1 }' } } }]);
  const beside = server.call('POST', `/api/v1/workflows/${name}/runs`, { input: {} }, { prefer: 'wait=30' });
  expect(await (await beside).json()).toMatchObject({ phase: 'completed', output: { fine: 2 } });
  const error = { type: `${ERRORS}expression`, status: 400, instance: '/do/0/t' };
  expect(await Promise.all(runs)).toMatchObject(evil.map(() => ({ phase: 'faulted', error })));
}, 60_000);
