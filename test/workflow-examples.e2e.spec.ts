import type { RequestListener } from 'node:http';
import { type Definition, KEYWORDS, keywordsOf } from '@app/dsl';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startAgents, type TestAgents } from './support/agents.js';
import { type Fixture, startFixture } from './support/mcp-fixture.js';
import { closeAll, startServer as startHttp } from './support/outbound.js';
import { startServer, type TestServer } from './support/server.js';
import { startedOnly } from './support/workflow-executed.js';
import type { Run } from './support/workflow-runs.js';
import { definitionOf, exampleTexts } from './support/workflows.js';

let server: TestServer;
let agents: TestAgents;
let fixture: Fixture;
let local: string;
/** Tasks that runs of an example really began. */
const started = new Map<string, Set<string>>();

/** Its signature is nobody's: only who made it is looked at here. */
const grantedBy = (iss: string) =>
  ['{"alg":"ES256"}', JSON.stringify({ iss }), 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.');

/** The API and the authority that the examples speak of. */
const world: RequestListener = ({ url = '', headers: { authorization } }, response) => {
  const said = url.includes('token')
    ? { access_token: grantedBy(local), token_type: 'Bearer', expires_in: 60 }
    : url.includes('openid-configuration')
      ? { issuer: local, token_endpoint: `${local}/oauth2/token` }
      : { order: 7, authorization: authorization ?? null };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said));
};

beforeAll(async () => {
  const env = { ALLOWED_NETWORKS: '127.0.0.0/8' };
  let http: Awaited<ReturnType<typeof startHttp>>;
  [server, agents, fixture, http] = await Promise.all([
    startServer({ env }),
    startAgents(),
    startFixture(),
    startHttp(world),
  ]);
  local = http.url;
  for (const name of ['echo', 'flaky']) await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
  const secrets = {
    basicSecret: { username: 'ada', password: 'tell-nobody' },
    token: 'tell-nobody',
    shopToken: 'tell-nobody',
  };
  for (const [name, value] of Object.entries(secrets))
    await server.json(200, 'PUT', `/api/v1/secrets/${name}`, { value });
}, 60_000);
afterAll(async () => {
  await server.stop();
  await Promise.all([agents[Symbol.asyncDispose](), fixture[Symbol.asyncDispose](), closeAll()]);
});

/** Addresses of examples lead nowhere: here they lead to what this test serves. */
const here = (text: string): string =>
  text
    .replaceAll('https://agent.example.com/a2a', agents.url('echo'))
    .replaceAll('https://agent.example.com/', agents.url('echo'))
    .replaceAll('https://mcp.example.com/mcp', fixture.url)
    .replaceAll('https://api.example.com', local)
    .replaceAll('https://id.example.com', local);

type Change = (text: string) => string;
let versions = 0;

/** Begins a run of an example, as a version of its own. */
async function begin(file: string, input: unknown, change: Change = (text) => text): Promise<Run> {
  const text = change(here(exampleTexts.get(file) ?? ''));
  const definition = definitionOf(text);
  const version = `9.0.${versions++}`;
  const own = file === 'whole-document.yaml' ? definition.document.version : version;
  const document = { ...definition.document, version: own };
  const { name } = document;
  await server.json(201, 'POST', '/api/v1/workflows', { definition: { ...definition, document } });
  return server.json<Run>(202, 'POST', `/api/v1/workflows/${name}/runs`, { input, version: own });
}

const look = (run: Run) => server.json<Run>(200, 'GET', `/api/v1/runs/${run.runId}`);

/** How a run ends, and what it began on the way. */
async function ended(file: string, run: Run): Promise<Run> {
  await expect
    .poll(async () => (await look(run)).phase, { timeout: 20_000 })
    .toMatch(/^(?:completed|faulted|cancelled)$/);
  const { events } = await server.json<{ events: { type: string; task: string }[] }>(
    200,
    'GET',
    `/api/v1/runs/${run.runId}/timeline`,
  );
  const tasks = started.get(file) ?? new Set();
  for (const { type, task } of events) if (/\.(?:started|skipped)\./.test(type)) tasks.add(task);
  started.set(file, tasks);
  return look(run);
}

const runs = async (file: string, input: unknown, change?: Change) => ended(file, await begin(file, input, change));
const done = (output: unknown) => ({ phase: 'completed', output });

describe('each example runs', () => {
  const url = () => `${local}/write`;
  test.each<[string, () => unknown, unknown]>([
    ['call-agent.yaml', () => ({ word: 'moin' }), done(expect.objectContaining({ text: expect.any(String) }))],
    ['call-http.yaml', () => ({ order: 7 }), { phase: 'faulted' }],
    ['call-mcp.yaml', () => ({ query: 'x' }), { phase: expect.any(String) }],
    ['compensation.yaml', () => ({}), { phase: 'faulted', undone: true, error: { status: 409 } }],
    ['data-flow.yaml', () => ({ orders: [{ price: 80 }, { price: 40 }] }), done({ total: 108 })],
    ['flow.yaml', () => ({}), done({ seen: ['first', 'inner', 'fourth', 'second'] })],
    ['for.yaml', () => ({ numbers: [4, 7, 9] }), done({ total: 11, last: 1 })],
    ['fork.yaml', () => ({}), done({ winner: 'fast' })],
    ['retry.yaml', () => ({}), done({ exponential: false })],
    ['reuse.yaml', () => ({}), done({ text: expect.stringMatching(/ADA.*!$/s) })],
    ['switch.yaml', () => ({ type: 'physical' }), done({ by: 'parcel' })],
    ['switch.yaml', () => ({ type: 'electronic' }), done({ by: 'link' })],
    ['switch.yaml', () => ({ type: 'none' }), done({ type: 'none' })],
    ['timeout.yaml', () => ({}), done({ late: true })],
    ['try.yaml', () => ({}), { phase: 'completed' }],
    ['wait.yaml', () => ({ pause: 'PT0.01S' }), done({ pause: 'PT0.01S' })],
    ['whole-document.yaml', () => ({ name: 'Ada' }), done('Hello Ada')],
    ['run-workflow.yaml', () => ({ name: 'Ada' }), done('Hello Ada')],
    ['schedule-after.yaml', () => ({}), done({ done: true })],
    ['schedule-cron.yaml', () => ({}), done({ done: true })],
    ['schedule-every.yaml', () => ({}), done({ done: true })],
  ])('%s', async (file, input, expected) => {
    expect(await runs(file, input())).toMatchObject(expected as object);
  });

  test('call-http.yaml, with what its second task needs', async () => {
    const context: Change = (text) =>
      text
        .replace(
          'redirect: true',
          'redirect: true\n      output: { as: \'{ url: "URL", filter: { a: "b" }, order: 7 }\' }\n      export: { as: \'{ headers: { "x-a": "b" } }\' }',
        )
        .replace('URL', url());
    expect(await runs('call-http.yaml', { order: 7 }, context)).toMatchObject(done({ order: 7 }));
  });

  test('call-a2a.yaml, with the task that was sent', async () => {
    const change: Change = (text) => text.replaceAll('${ { id: .id } }', '${ { id: .id } }');
    expect(await runs('call-a2a.yaml', { question: 'moin' }, change)).toMatchObject({ phase: 'completed' });
  });

  test('call-human.yaml, answered', async () => {
    const change: Change = (text) => text.replace(/ +assignees:\n(?: {10}.*\n)+/, '');
    for (const own of [
      change,
      (text: string) => text.replace('principals: [ada@example.com]', 'principals: [admin]'),
    ]) {
      const run = await begin('call-human.yaml', { guest: 'Ada' }, own);
      for (const [prompt, answer] of [
        ['May Ada have the room?', { approved: true, nights: 2 }],
        ['Anything else?', { approved: true }],
      ] as const) {
        const open = () =>
          server.json<{ items: { id: string; prompt: string }[] }>(200, 'GET', `/api/v1/approvals?run=${run.runId}`);
        await expect.poll(async () => (await open()).items[0]?.prompt, { timeout: 10_000 }).toBe(prompt);
        await server.json(200, 'POST', `/api/v1/approvals/${(await open()).items[0]?.id}/answer`, { answer });
      }
      expect(await ended('call-human.yaml', run)).toMatchObject({ phase: 'completed' });
    }
  });

  test('events.yaml, with the events that it listens for', async () => {
    const run = await begin('events.yaml', { order: '7' }, (text) => text.replace('${ $context.order }', '"7"'));
    const say = (id: number, type: string, data: unknown) =>
      server.json(202, 'POST', '/api/v1/events', {
        specversion: '1.0',
        id: `e${id}`,
        source: '/shop',
        type: `com.example.${type}`,
        data,
      });
    const said = [
      'order.paid',
      'order.packed',
      'order.labelled',
      'order.returned',
      'temperature',
      'temperature',
      'temperature',
    ];
    for (const [id, type] of said.entries()) await say(id, type, { amount: 3, order: '7' });
    const at = '/do/5/everything';
    const reached = async () => JSON.stringify(await server.json(200, 'GET', `/api/v1/runs/${run.runId}/timeline`));
    await expect.poll(reached, { timeout: 15_000 }).toContain(at);
    await say(100, 'anything', { n: 1 });
    await say(101, 'stop', {});
    const { phase, output } = await ended('events.yaml', run);
    expect(phase).toBe('completed');
    expect(output).toContainEqual({ n: 1 });
    expect(output).not.toContainEqual({});
  });

  test.each([
    'named',
    'basicBySecret',
    'bearerByValue',
    'bearerBySecret',
    'oauthBySecret',
    'oidcBySecret',
    'oauth',
    'oauthPassword',
  ])('authentication.yaml with the policy %s', async (policy) => {
    const whole = { authority: local, grant: 'client_credentials', client: { id: 'a', secret: 'b' } };
    const value = policy.endsWith('BySecret') ? whole : 'tell-nobody';
    for (const name of ['oauthSecret', 'oidcSecret'])
      await server.json(200, 'PUT', `/api/v1/secrets/${name}`, { value });
    const change: Change = (text) =>
      text
        .replace('authentication: { use: oauth }', `authentication: { use: ${policy} }`)
        .replace('${ .url }', `${local}/b`);
    const run = await runs('authentication.yaml', {}, change);
    expect(run).toMatchObject(done({ authorization: 'Bearer tell-nobody' }));
  });
});

describe('each keyword', () => {
  test('that is supported was executed, in a task that a run began', () => {
    const executed = new Map(
      [...started].map(([file, tasks]) => {
        // As it is written: what is read says the same in fewer words.
        const definition = parse(exampleTexts.get(file) ?? '') as Definition;
        return [file, keywordsOf(startedOnly(definition, tasks))] as const;
      }),
    );
    const only = KEYWORDS.filter(({ test: file, keyword }) => file !== undefined && !executed.get(file)?.has(keyword));
    expect(only.map(({ keyword }) => keyword)).toEqual([]);
    expect([...started.keys()].toSorted()).toEqual([...exampleTexts.keys()].toSorted());
  });
});
