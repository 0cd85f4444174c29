import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { rows } from './support/database.js';
import { principal } from './support/principals.js';
import { ADMIN_KEY, startServer, type TestServer } from './support/server.js';
import { SECRET_KEYS } from './support/secret-keys.js';
import { startRpcStub } from './support/stub-agent.js';
import { openSocket } from './support/ws-client.js';

const METRICS_TOKEN = 'planted-metrics-token-8471';
const WORKFLOW = { token: 'planted-workflow-token-6038', password: 'planted-workflow-password-7725' };
const AGENT = { token: 'planted-agent-token-1193', header: 'planted-agent-header-5520', key: 'planted-agent-key-9017' };

let server: TestServer;
let agents: TestAgents;
const planted = [
  ADMIN_KEY,
  SECRET_KEYS.slice('k1:'.length),
  METRICS_TOKEN,
  ...Object.values(AGENT),
  ...Object.values(WORKFLOW),
];
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer({ env: { METRICS_TOKEN } }), startAgents()]);
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

const found = (text: string): string[] => planted.filter((secret) => text.includes(secret));

test('no secret is in the log, in metrics, in the database, or in any list', async () => {
  // An agent that repeats what it was shown, in errors too.
  await using parrot = await startRpcStub({
    'message/send': (response, { headers }) => {
      response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(JSON.stringify(headers));
    },
  });
  const user = await principal(server, { roles: ['admin'] });
  planted.push(user.key);
  await user.json(201, 'POST', '/api/v1/agents', {
    url: agents.url('echo'),
    slug: 'echo',
    headers: { 'x-team': AGENT.header },
    credentials: { type: 'bearer', token: AGENT.token },
  });
  await user.json(201, 'POST', '/api/v1/agents', {
    card: { name: 'Parrot', url: parrot.url },
    slug: 'parrot',
    credentials: { type: 'apiKey', in: 'header', name: 'x-key', value: AGENT.key },
  });
  const rotated = await server.json<{ key: string }>(201, 'POST', `/api/v1/api-keys/${user.id}/rotate`, {});
  planted.push(rotated.key);

  const said: string[] = [];
  const keep = async (response: Promise<Response>) => said.push(await (await response).text());
  for (const agent of ['echo', 'parrot']) {
    await keep(server.call('POST', '/api/v1/tasks', { agent, message: 'hi' }, { prefer: 'wait=5' }));
    said.push(await user.tool(agent, { message: 'hi' }));
    await keep(server.call('GET', `/api/v1/agents/${agent}/health`));
    await keep(server.call('POST', `/api/v1/agents/${agent}/refresh`));
  }
  await keep(server.call('PUT', '/api/v1/agents/echo/credentials', { type: 'bearer', token: 5 }));
  for (const [name, value] of Object.entries({ token: WORKFLOW.token, login: WORKFLOW }))
    await keep(server.call('PUT', `/api/v1/secrets/${name}`, { value }));
  await keep(server.call('PUT', '/api/v1/secrets/token', { value: WORKFLOW.token, more: 1 }));
  await keep(server.call('PUT', '/api/v1/secrets/2', { value: WORKFLOW.token }));
  await keep(server.call('PUT', '/api/v1/secrets/large', { value: WORKFLOW.token.repeat(4_000) }));
  await keep(user.call('DELETE', '/api/v1/secrets/login'));
  const socket = await openSocket(server.streamUrl);
  await socket.ask('authenticate', { key: user.key });
  said.push(
    JSON.stringify(await socket.ask('invoke_agent', { agentId: 'parrot', capability: '', input: { message: 'x' } })),
  );
  await socket.close();
  for (const path of ['agents', 'api-keys', 'tasks', 'audit?page_size=200', 'permissions/me', 'rate-limits', 'secrets'])
    await keep(server.call('GET', `/api/v1/${path}`));
  expect(said.flatMap(found)).toEqual([]);

  const metrics = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } });
  expect([metrics.status, found(await metrics.text())]).toEqual([200, []]);
  expect(found(server.logs.map((line) => JSON.stringify(line)).join('\n') + server.stderr())).toEqual([]);

  const tables = await rows(server.databaseUrl, `select tablename as name from pg_tables where schemaname = 'public'`);
  for (const { name } of tables) {
    const dump = await rows(server.databaseUrl, `select string_agg(t::text, ' ') as text from "${String(name)}" t`);
    expect({ table: name, secrets: found(String(dump[0]?.['text'])) }).toEqual({ table: name, secrets: [] });
  }
});
