import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { principal } from './support/principals.js';
import { startServer, type TestServer } from './support/server.js';
import { postWorkflow, type Run } from './support/workflow-runs.js';
import { openSocket } from './support/ws-client.js';

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

type Person = Awaited<ReturnType<typeof principal>>;

const grant = async (to: { principal?: string; group?: string }, actions: string[], resources: object[]) =>
  (await server.json<{ id: string }>(201, 'POST', '/api/v1/permissions/grants', { ...to, actions, resources })).id;
const start = async (who: Person, name: string, input: object = {}) =>
  (await who.json<Run>(202, 'POST', `/api/v1/workflows/${name}/runs`, { input })).runId;
const phase = async (id: string) => server.json<Run>(200, 'GET', `/api/v1/runs/${id}`);
const open = async (who: Person, run: string) =>
  (await who.json<{ items: { id: string }[] }>(200, 'GET', `/api/v1/approvals?run=${run}`)).items;
const asked = async (who: Person, run: string): Promise<string> => {
  await expect.poll(() => open(who, run), { timeout: 10_000 }).toHaveLength(1);
  return (await open(who, run))[0]?.id ?? '';
};

test('a grant of one workflow is for that one: its tool, its runs, and nobody else’s', async () => {
  for (const name of ['granted', 'other']) await postWorkflow(server, name, [{ note: { set: { done: true } } }]);
  const [ann, bob] = [await principal(server), await principal(server)];
  for (const { principal: name } of [ann, bob])
    await grant({ principal: name }, ['workflows:run'], [{ workflow: 'granted' }]);
  const tools = await ann.tools();
  expect(tools.filter((name) => /workflow|run_/.test(name))).toEqual([
    'answer_workflow',
    'describe_workflow',
    'list_workflows',
    'run_granted',
    'start_workflow',
  ]);
  expect(JSON.parse(await ann.tool('list_workflows', {}))).toMatchObject({ workflows: [{ name: 'granted' }] });
  expect(await ann.tool('describe_workflow', { name: 'other' })).toMatch(/^not_found: /);
  expect(await ann.tool('start_workflow', { name: 'other' })).toMatch(/^not_found: /);
  const id = await start(ann, 'granted');
  await expect.poll(() => phase(id), { timeout: 15_000 }).toMatchObject({ phase: 'completed' });
  for (const path of ['', '/timeline', '/graph'])
    expect((await bob.call('GET', `/api/v1/runs/${id}${path}`)).status).toBe(404);
  for (const what of ['cancel', 'pause', 'resume', 'retry', 'rerun?from=/do/0/note'])
    expect((await bob.call('POST', `/api/v1/runs/${id}/${what}`)).status).toBe(404);
  expect(await bob.tool('get_status', { requestId: id })).toMatch(/^not_found: /);
  expect(await bob.json(200, 'GET', '/api/v1/workflows/granted/runs')).toEqual({ items: [] });
  expect((await bob.call('GET', '/api/v1/workflows/other/runs')).status).toBe(404);
});

test('a question is for whom it names, or else for whose run it is, and for who may write the workflow', async () => {
  const [starter, named, viewer] = [
    await principal(server),
    await principal(server),
    await principal(server, { roles: ['viewer'] }),
  ];
  const [grouped, writer, auditor] = [
    await principal(server, { groups: ['editors'] }),
    await principal(server),
    await principal(server, { roles: ['auditor'] }),
  ];
  const assignees = { principals: [named.principal], roles: ['auditor'], groups: ['editors'] };
  await postWorkflow(server, 'unassigned', [{ ask: { call: 'human', with: { prompt: 'May I?' } } }]);
  await postWorkflow(server, 'assigned', [{ ask: { call: 'human', with: { prompt: 'May he?', assignees } } }]);
  await grant(
    { principal: starter.principal },
    ['workflows:run'],
    [{ workflow: 'unassigned' }, { workflow: 'assigned' }],
  );
  await grant({ principal: writer.principal }, ['workflows:write'], [{ workflow: 'assigned' }]);
  const answer = { answer: { approved: true } };
  const path = (id: string) => `/api/v1/approvals/${id}/answer`;

  const own = await start(starter, 'unassigned');
  const question = await asked(starter, own);
  for (const who of [named, viewer, grouped, auditor, writer]) {
    expect(await open(who, own)).toEqual([]);
    expect((await who.call('POST', path(question), answer)).status).toBe(404);
  }
  await starter.json(200, 'POST', path(question), answer);
  await expect.poll(() => phase(own), { timeout: 15_000 }).toMatchObject({ phase: 'completed' });

  for (const who of [named, grouped, auditor, writer]) {
    const run = await start(starter, 'assigned');
    const id = await asked(who, run);
    for (const other of [viewer, starter]) {
      expect(await open(other, run)).toEqual([]);
      expect((await other.call('POST', path(id), answer)).status).toBe(404);
    }
    expect(await viewer.tool('answer_workflow', { approvalId: id, ...answer })).toMatch(/^not_found: /);
    expect(JSON.parse(await who.tool('answer_workflow', { approvalId: id, ...answer }))).toMatchObject({
      answered: { id, runId: run },
    });
    expect((await who.call('POST', path(id), answer)).status).toBe(409);
    await expect.poll(() => phase(run), { timeout: 15_000 }).toMatchObject({ output: { approved: true } });
  }
});

const SAY = { call: 'agent', with: { agent: 'echo', message: 'hello' } };
const caught = (task: object) => ({
  guarded: { try: [{ task }], catch: { as: 'why', do: [{ note: { set: { type: '${ $why.type }' } } }] } },
});
const HOLD = { hold: { call: 'human', with: { prompt: 'Go on?' } } };

test('a grant that is revoked while a run waits is missed by its next call, and that can be caught', async () => {
  await postWorkflow(server, 'loses-grant', [HOLD, caught(SAY)]);
  const who = await principal(server);
  await grant({ principal: who.principal }, ['workflows:run'], [{ workflow: 'loses-grant' }]);
  await grant({ principal: who.principal }, ['agents:read'], [{ agent: 'echo' }]);
  const may = await grant({ principal: who.principal }, ['agents:call'], [{ agent: 'echo' }]);
  const run = await start(who, 'loses-grant');
  const question = await asked(who, run);
  await server.json(200, 'DELETE', `/api/v1/permissions/grants/${may}`);
  const before = (await agents.ledger('echo')).messages.length;
  await who.json(200, 'POST', `/api/v1/approvals/${question}/answer`, { answer: { approved: true } });
  await expect
    .poll(() => phase(run), { timeout: 10_000 })
    .toMatchObject({ phase: 'completed', output: { type: expect.stringMatching(/authorization$/) } });
  expect((await agents.ledger('echo')).messages).toHaveLength(before);
});

test.each([
  ['an agent', SAY],
  ['an address', { call: 'http', with: { method: 'get', endpoint: 'http://127.0.0.1:9/' } }],
])('a key that is revoked while a run waits ends its right to call %s', async (what, task) => {
  const name = `loses-key-${what.replace(/\W/g, '-')}`;
  await postWorkflow(server, name, [HOLD, caught(task)]);
  const who = await principal(server, { roles: ['operator'] });
  const run = await start(who, name);
  await expect.poll(async () => (await open(who, run)).length, { timeout: 10_000 }).toBe(1);
  const question = await asked(who, run);
  await server.json(204, 'DELETE', `/api/v1/api-keys/${who.id}`);
  await server.json(200, 'POST', `/api/v1/approvals/${question}/answer`, { answer: { approved: true } });
  await expect
    .poll(() => phase(run), { timeout: 10_000 })
    .toMatchObject({ phase: 'completed', output: { type: expect.stringMatching(/authentication$/) } });
});

test('a scheduled run has the rights of who made its workflow, as long as that one may run it', async () => {
  const owner = await principal(server);
  const resources = [{ workflow: 'ticking' }];
  await grant({ principal: owner.principal }, ['workflows:write'], resources);
  await grant({ principal: owner.principal }, ['agents:read'], [{ agent: 'echo' }]);
  const document = { dsl: '1.0.3', namespace: 'test', name: 'ticking', version: '1.0.0' };
  const definition = { document, schedule: { every: { seconds: 1 } }, do: [caught(SAY)] };
  await owner.json(201, 'POST', '/api/v1/workflows', { definition });
  await server.waitForLog(({ message, level }) => level === 'WARN' && message.includes('scheduled run'), 10_000);
  const runs = async () =>
    (await server.json<{ items: (Run & { startedBy: string })[] }>(200, 'GET', '/api/v1/workflows/ticking/runs')).items;
  expect(await runs()).toEqual([]);
  const may = await grant({ principal: owner.principal }, ['workflows:run'], resources);
  const newest = async () => {
    const [first] = (await runs()).filter(({ phase: now }) => now === 'completed');
    return first === undefined ? undefined : phase(first.runId);
  };
  await expect.poll(newest, { timeout: 10_000 }).toMatchObject({
    startedBy: owner.principal,
    output: { type: expect.stringMatching(/authorization$/) },
  });
  await grant({ principal: owner.principal }, ['agents:call'], [{ agent: 'echo' }]);
  await expect.poll(newest, { timeout: 10_000 }).toMatchObject({ output: { text: 'hello' } });
  await server.json(200, 'DELETE', `/api/v1/permissions/grants/${may}`);
});

test('a run is followed and canceled over a WebSocket', async () => {
  await postWorkflow(server, 'watched', [{ say: SAY }, HOLD]);
  const who = await principal(server, { roles: ['operator'] });
  const requestId = await start(who, 'watched');
  const client = await openSocket(server.streamUrl, { headers: who.headers });
  await client.ask('subscribe', { requestId });
  const step = await client.next((message) => JSON.stringify(message).includes('"/do/0/say"'));
  expect(JSON.stringify(step)).toContain('io.serverlessworkflow.task.');
  await expect
    .poll(() => client.ask('get_status', { requestId }), { timeout: 10_000 })
    .toMatchObject({ result: { status: 'input_required', agentId: 'workflow/watched', message: 'Go on?' } });
  expect(await client.ask('cancel', { requestId })).toMatchObject({ result: { requestId, canceled: true } });
  await expect
    .poll(() => client.ask('get_status', { requestId }), { timeout: 10_000 })
    .toMatchObject({ result: { status: 'canceled' } });
  const stranger = await openSocket(server.streamUrl, {
    headers: (await principal(server, { roles: ['viewer'] })).headers,
  });
  for (const method of ['subscribe', 'cancel', 'get_status'])
    expect(await stranger.ask(method, { requestId })).toMatchObject({ error: { message: expect.any(String) } });
  await Promise.all([client.close(), stranger.close()]);
});
