import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type TestAgents, startAgents } from './support/agents.js';
import { rows } from './support/database.js';
import { type Fixture, startFixture } from './support/mcp-fixture.js';
import { text, tool } from './support/mcp-fixture-tools.js';
import { closeAll, startServer as startHttp } from './support/outbound.js';
import { startServer, type TestServer } from './support/server.js';
import { postWorkflow, type Run } from './support/workflow-runs.js';

interface Example {
  readonly name: string;
  readonly do: string;
  readonly use?: string;
  readonly schedule?: string;
  readonly refused?: readonly [path: string, message: string];
  readonly changed?: readonly [what: string, into: string];
  readonly runs?: readonly Outcome[];
}
interface Outcome {
  readonly input?: unknown;
  readonly events?: readonly { readonly type: string }[];
  readonly output?: unknown;
  readonly error?: object;
  readonly asked?: readonly string[];
}
const examples = parse(readFileSync('test/support/reference-definitions.yaml', 'utf8')) as Example[];

let server: TestServer;
let agents: TestAgents;
let fixture: Fixture;
let local: string;
const asked: string[] = [];

type Answer = readonly [status: number, body: unknown, headers?: Record<string, string>];

/** What the services of the examples answer: the first word of a path is what was the host's. */
const SERVICES: Record<string, (path: string, query: URLSearchParams, said: Said) => Answer | undefined> = {
  pets: (path, _, { method, body, authorization }) => {
    const petId = path.replace('pet/', '');
    const isFirst = asked.filter((request) => request.endsWith(path)).length === 1;
    if (petId === 'gone') return [404, {}];
    if (petId === 'broken') return [500, {}];
    if (petId.startsWith('busy') && isFirst) return [503, {}];
    return [200, method === 'PUT' ? body : { petId, status: 'available', by: authorization }];
  },
  people: (path, query, { accept }) => {
    if (path === '') return [200, { found: query.get('search'), accept }];
    if (path.startsWith('homes/')) return [200, { street: path.slice('homes/'.length) }];
    return [200, { home: `${local}/people/homes/${path}` }];
  },
  www: (path) => (path === '' ? [302, null, { location: '/www/home' }] : [200, { page: path }]),
  // The nurse never comes.
  hospital: (path) => (path === 'doctors' ? [200, { on: 'the way' }] : undefined),
  id: (path) => {
    const issuer = `${local}/id/realms/a`;
    if (!path.endsWith('/token')) return [200, { issuer, token_endpoint: `${issuer}/token` }];
    return [200, { access_token: 'granted', token_type: 'Bearer', expires_in: 1 }];
  },
};
interface Said {
  readonly method: string;
  readonly body: unknown;
  readonly accept?: string;
  readonly authorization?: string;
}

const world: RequestListener = (request, response) => {
  const { method = '', url = '', headers } = request;
  const { pathname, searchParams } = new URL(url, 'http://here');
  const [, service = '', path = ''] = /^\/(\w+)\/(.*)$/.exec(pathname) ?? [];
  asked.push(`${method} ${pathname}`);
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body =
      service === 'pets' && chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString()) as unknown) : null;
    const { accept, authorization } = headers;
    const answer = SERVICES[service]?.(path, searchParams, { method, body, accept, authorization });
    if (answer === undefined) return;
    response.writeHead(answer[0], { 'content-type': 'application/json', ...answer[2] }).end(JSON.stringify(answer[1]));
  });
};

beforeAll(async () => {
  let http: Awaited<ReturnType<typeof startHttp>>;
  [server, agents, fixture, http] = await Promise.all([startServer(), startAgents(), startFixture(), startHttp(world)]);
  local = http.url;
  fixture.host.tools.set(
    'search',
    tool('search', ({ city }) => text(`Found ${String(city)}`), { city: { type: 'string' } }),
  );
  const value = {
    authority: `${local}/id/realms/a`,
    grant: 'client_credentials',
    client: { id: 'runtime', secret: 'runtime-secret' },
  };
  await server.json(200, 'PUT', '/api/v1/secrets/mySecret', { value });
  const document = { dsl: '1.0.3', namespace: 'test', name: 'register-customer', version: '0.1.0' };
  const registers = [{ register: { set: { registered: '${ .customer.name }' } } }];
  await server.json(201, 'POST', '/api/v1/workflows', { definition: { document, do: registers } });
}, 60_000);
afterAll(async () => {
  await server.stop();
  await Promise.all([agents[Symbol.asyncDispose](), fixture[Symbol.asyncDispose](), closeAll()]);
});

/** Addresses of examples lead nowhere: here they lead to what this test serves. */
const here = (words: string): string =>
  words
    .replaceAll('https://example.com/.well-known', `${agents.url('echo')}.well-known`)
    .replaceAll('https://example.com/mcp', fixture.url)
    .replaceAll(/https?:\/\/(?:(\w+)\.)?example\.com/g, (_, host: string | undefined) => `${local}/${host ?? 'www'}`);

const nameOf = ({ name }: Example): string => name.toLowerCase().replaceAll(/\W+/g, '-');

/** The example as it can be posted here: everything but its `document`. */
function definitionOf({ do: tasks, use, schedule, changed = ['', ''] }: Example) {
  const read = (words: string): unknown => parse(here(words.replaceAll(...changed)));
  return {
    tasks: read(tasks) as unknown[],
    more: { ...(use !== undefined && { use: read(use) }), ...(schedule !== undefined && { schedule: read(schedule) }) },
  };
}

let sent = 0;
async function begin(name: string, { input = {}, events = [] }: Outcome): Promise<Run> {
  const run = await server.json<Run>(202, 'POST', `/api/v1/workflows/${name}/runs`, { input });
  for (const event of events)
    await server.json(202, 'POST', '/api/v1/events', {
      specversion: '1.0',
      id: `e${sent++}`,
      source: '/test',
      ...event,
    });
  return run;
}

/** Whoever runs by schedule has no caller: the time has come, and its run is looked up. */
async function scheduled(name: string): Promise<Run> {
  await rows(server.databaseUrl, `update workflows set next_at = now() where name = '${name}'`);
  const runs = () => server.json<{ items: Run[] }>(200, 'GET', `/api/v1/workflows/${name}/runs`);
  await expect.poll(async () => (await runs()).items, { timeout: 10_000 }).toHaveLength(1);
  return (await runs()).items[0] as Run;
}

async function ended({ runId }: Run): Promise<Run> {
  const look = () => server.json<Run>(200, 'GET', `/api/v1/runs/${runId}`);
  await expect.poll(async () => (await look()).phase, { timeout: 15_000 }).toMatch(/^(?:completed|faulted|cancelled)$/);
  return look();
}

describe('an example of the reference runs', () => {
  const running = examples.filter(({ refused }) => refused === undefined);

  test.each(running)('$name', async (example) => {
    const name = nameOf(example);
    const { tasks, more } = definitionOf(example);
    await postWorkflow(server, name, tasks, more);
    for (const outcome of parse(here(JSON.stringify(example.runs))) as Outcome[]) {
      asked.length = 0;
      const run = await ended(await (example.schedule === undefined ? begin(name, outcome) : scheduled(name)));
      const { output, error } = outcome;
      expect(run).toMatchObject({
        phase: error === undefined ? 'completed' : 'faulted',
        ...(error ? { error } : { output }),
      });
      expect(asked.toSorted()).toEqual((outcome.asked ?? asked).toSorted());
    }
  });

  test.each(examples.filter(({ runs }) => runs === undefined))(
    'or is refused, and told why: $name',
    async (example) => {
      const { tasks, more } = definitionOf(example);
      const document = { dsl: '1.0.3', namespace: 'test', name: nameOf(example), version: '1.0.0' };
      const response = await server.call('POST', '/api/v1/workflows', { definition: { document, ...more, do: tasks } });
      const [path, message] = example.refused ?? [];
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'invalid', problems: [{ path, message }] });
    },
  );
});
