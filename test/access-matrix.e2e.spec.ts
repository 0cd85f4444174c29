import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AccessFixture,
  EVERYBODY,
  KNOWN,
  leaksIn,
  STRANGERS,
  startAccessFixture,
  type Who,
} from './support/access-fixture.js';
import { rows } from './support/database.js';
import { modern } from './support/mcp-raw.js';
import { openSocket } from './support/ws-client.js';

const PUBLIC: readonly Who[] = EVERYBODY;
const READERS: readonly Who[] = ['viewer', 'operator', 'auditor', 'admin'];
const WRITERS: readonly Who[] = ['operator', 'admin'];
const ADMIN: readonly Who[] = ['admin'];
const REVIEWERS: readonly Who[] = ['auditor', 'admin'];
const LIMITERS: readonly Who[] = ['operator', 'auditor', 'admin'];
/** The thing is somebody else's, and so does not exist, whoever asks. */
const NOBODY: readonly Who[] = [];

interface Door {
  /** Who gets further than a refusal. The others get 401 or, when they are known, 403 or 404. */
  readonly may: readonly Who[];
  readonly body?: object;
  readonly query?: string;
  /** What is asked for is what the victim owns, or the agent `vault`. */
  readonly headers?: Record<string, string>;
}

/** A version that nothing has: whoever may change something changes nothing. */
const NEVER = { 'if-match': '"99999"' };
const WRONG = { zz: 1 };

/** Every REST route with who may pass. A route that is missing here fails the test. */
const ROUTES: Readonly<Record<string, Door>> = {
  'GET /healthz': { may: PUBLIC },
  'GET /readyz': { may: PUBLIC },
  'GET /metrics': { may: PUBLIC },
  'GET /api/agent': { may: PUBLIC, query: '?action=status' },
  'GET /.well-known/oauth-protected-resource/{path}': { may: PUBLIC },
  'POST /api/v1/agents': { may: WRITERS, body: { url: 'http://127.0.0.1:9/', slug: 'x' } },
  'GET /api/v1/agents': { may: [...READERS, 'member'] },
  'GET /api/v1/agents/{agent}': { may: READERS },
  'GET /api/v1/agents/{agent}/card': { may: READERS },
  'GET /api/v1/agents/{agent}/health': { may: READERS },
  'PATCH /api/v1/agents/{agent}': { may: WRITERS, body: { category: 'stolen' }, headers: NEVER },
  'DELETE /api/v1/agents/{agent}': { may: WRITERS, headers: NEVER },
  'POST /api/v1/agents/{agent}/refresh': { may: WRITERS },
  'POST /api/v1/agents/{agent}/enable': { may: WRITERS },
  'POST /api/v1/agents/{agent}/disable': { may: [] },
  'PUT /api/v1/agents/{agent}/credentials': { may: WRITERS, body: WRONG },
  'DELETE /api/v1/agents/{agent}/credentials': { may: [] },
  'POST /api/v1/tasks': { may: WRITERS, body: { agent: 'vault', message: 'x' } },
  'GET /api/v1/tasks': { may: KNOWN },
  'GET /api/v1/tasks/{id}': { may: NOBODY },
  'GET /api/v1/tasks/{id}/events': { may: NOBODY },
  'GET /api/v1/tasks/{id}/artifacts/{artifactId}': { may: NOBODY },
  'POST /api/v1/tasks/{id}/messages': { may: NOBODY, body: { message: 'x' } },
  'POST /api/v1/tasks/{id}/cancel': { may: NOBODY },
  'POST /api/v1/sessions': { may: KNOWN, body: {} },
  'GET /api/v1/sessions': { may: KNOWN },
  'GET /api/v1/sessions/{id}': { may: NOBODY },
  'DELETE /api/v1/sessions/{id}': { may: NOBODY },
  'POST /api/v1/api-keys': { may: ADMIN, body: { name: 'made by the matrix' } },
  'GET /api/v1/api-keys': { may: REVIEWERS },
  'DELETE /api/v1/api-keys/{id}': { may: [] },
  'POST /api/v1/api-keys/{id}/rotate': { may: ADMIN, body: WRONG },
  'POST /api/v1/permissions/grants': {
    may: ADMIN,
    body: { principal: 'user:x', actions: ['agents:call'], resources: [{ agent: 'echo' }] },
  },
  'GET /api/v1/permissions/grants': { may: KNOWN },
  'GET /api/v1/permissions/grants/{id}': { may: REVIEWERS },
  'DELETE /api/v1/permissions/grants/{id}': { may: [] },
  'POST /api/v1/permissions/requests': { may: KNOWN, body: { actions: ['agents:read'], resources: '*', reason: 'x' } },
  'GET /api/v1/permissions/requests': { may: KNOWN },
  'GET /api/v1/permissions/requests/{id}': { may: REVIEWERS },
  'POST /api/v1/permissions/requests/{id}/approve': { may: [], body: {} },
  'POST /api/v1/permissions/requests/{id}/deny': { may: [], body: {} },
  'GET /api/v1/permissions/roles': { may: KNOWN },
  'GET /api/v1/permissions/me': { may: KNOWN },
  'POST /api/v1/permissions/explain': {
    may: REVIEWERS,
    body: { principal: 'user:x', action: 'agents:call', agent: 'vault' },
  },
  'GET /api/v1/rate-limits': { may: LIMITERS },
  'PUT /api/v1/rate-limits': { may: WRITERS, body: WRONG },
  'DELETE /api/v1/rate-limits/{id}': { may: [] },
  'GET /api/v1/rate-limits/hits': { may: LIMITERS },
  'GET /api/v1/rate-limits/blocked': { may: LIMITERS },
  'POST /api/v1/rate-limits/blocked': { may: WRITERS, body: WRONG },
  'DELETE /api/v1/rate-limits/blocked/{id}': { may: [] },
  'GET /api/v1/audit': { may: REVIEWERS },
  'POST /api/v1/workflows/dry-run': { may: [...READERS, 'member'], body: WRONG },
  'POST /api/v1/workflows/{name}/dry-run': { may: [...READERS, 'member'], body: WRONG },
  'GET /api/v1/secrets': { may: ADMIN },
  'PUT /api/v1/secrets/{name}': { may: ADMIN, body: WRONG },
  'DELETE /api/v1/secrets/{name}': { may: [] },
  'POST /api/v1/workflows': { may: WRITERS, body: WRONG },
  'POST /api/v1/workflows/validate': { may: [...READERS, 'member'], body: { definition: {} } },
  'GET /api/v1/workflows': { may: [...READERS, 'member'] },
  'GET /api/v1/workflows/{name}': { may: READERS },
  'GET /api/v1/workflows/{name}/versions': { may: READERS },
  'POST /api/v1/workflows/{name}/enable': { may: WRITERS },
  'POST /api/v1/workflows/{name}/disable': { may: [] },
  'POST /api/v1/workflows/{name}/schedule': { may: WRITERS, body: { paused: true } },
  'DELETE /api/v1/workflows/{name}': { may: [] },
  'POST /api/v1/workflows/{name}/runs': { may: WRITERS, body: { input: { word: 'x' } } },
  'GET /api/v1/workflows/{name}/runs': { may: READERS },
  'GET /api/v1/runs/{id}': { may: WRITERS },
  'GET /api/v1/runs/{id}/timeline': { may: WRITERS },
  'GET /api/v1/runs/{id}/graph': { may: WRITERS },
  'POST /api/v1/runs/{id}/cancel': { may: [] },
  'POST /api/v1/runs/{id}/pause': { may: [] },
  'POST /api/v1/runs/{id}/resume': { may: WRITERS },
  'POST /api/v1/runs/{id}/retry': { may: WRITERS },
  'POST /api/v1/runs/{id}/rerun': { may: WRITERS, query: '?from=/do/9/nothing' },
  'GET /api/v1/approvals': { may: KNOWN },
  'POST /api/v1/approvals/{id}/answer': { may: WRITERS, body: { answer: { approved: 'perhaps' } } },
  'POST /api/v1/events': { may: WRITERS, body: WRONG },
  'POST /mcp': { may: KNOWN, body: {} },
  'GET /mcp': { may: KNOWN },
  'DELETE /mcp': { may: KNOWN },
};

/** Asked only by those who may not: whoever may would take it away from the others. */
const TAKES_AWAY: Readonly<Record<string, readonly Who[]>> = {
  'POST /api/v1/agents/{agent}/disable': WRITERS,
  'DELETE /api/v1/agents/{agent}/credentials': WRITERS,
  'DELETE /api/v1/api-keys/{id}': ADMIN,
  'DELETE /api/v1/permissions/grants/{id}': ADMIN,
  'POST /api/v1/permissions/requests/{id}/approve': ADMIN,
  'POST /api/v1/permissions/requests/{id}/deny': ADMIN,
  'DELETE /api/v1/rate-limits/{id}': WRITERS,
  'DELETE /api/v1/rate-limits/blocked/{id}': WRITERS,
  'DELETE /api/v1/secrets/{name}': ADMIN,
  'POST /api/v1/workflows/{name}/disable': WRITERS,
  'DELETE /api/v1/workflows/{name}': WRITERS,
  'POST /api/v1/runs/{id}/cancel': WRITERS,
  'POST /api/v1/runs/{id}/pause': WRITERS,
};

/** Every MCP tool that an administrator is shown, with who else is shown it. */
const TOOLS: Readonly<Record<string, { may: readonly Who[]; args: object }>> = {
  list_agents: { may: KNOWN, args: {} },
  describe_agent: { may: KNOWN, args: { id: 'vault' } },
  open_session: { may: KNOWN, args: {} },
  close_session: { may: KNOWN, args: { sessionId: ':session' } },
  invoke_agent: { may: KNOWN, args: { agentId: 'vault', capability: '', input: { message: 'x' } } },
  handoff: { may: KNOWN, args: { fromRequestId: ':task', toAgentId: 'echo', capability: '' } },
  cancel: { may: KNOWN, args: { requestId: ':task' } },
  get_status: { may: KNOWN, args: { requestId: ':task' } },
  request_permission: { may: KNOWN, args: { actions: ['agents:read'], resources: '*', reason: 'x' } },
  list_permissions: { may: KNOWN, args: {} },
  grant_permission: { may: ADMIN, args: WRONG },
  approve_permission: { may: ADMIN, args: WRONG },
  revoke_permission: { may: ADMIN, args: WRONG },
  list_workflows: { may: [...READERS, 'member'], args: {} },
  describe_workflow: { may: [...READERS, 'member'], args: { name: 'vault-flow' } },
  answer_workflow: { may: KNOWN, args: {} },
  start_workflow: { may: [...WRITERS, 'member'], args: { name: 'vault-flow', input: { word: 'x' } } },
  create_workflow: { may: WRITERS, args: WRONG },
  run_open_flow: { may: [...WRITERS, 'member'], args: { word: 'x' } },
  run_vault_flow: { may: WRITERS, args: { word: 'x' } },
  echo: { may: [...WRITERS, 'member'], args: { message: 'x', task_id: ':task' } },
  echo__echo: { may: [...WRITERS, 'member'], args: { message: 'x', task_id: ':task' } },
  vault: { may: WRITERS, args: { message: 'x', task_id: ':task' } },
  vault__open: { may: WRITERS, args: { message: 'x', task_id: ':task' } },
};

/** Every WebSocket method, with what it is asked; the victim's requests exist for nobody. */
const METHODS: Readonly<Record<string, object>> = {
  ...Object.fromEntries(
    [
      'list_agents',
      'describe_agent',
      'open_session',
      'close_session',
      'invoke_agent',
      'handoff',
      'cancel',
      'get_status',
    ].map((name) => [name, TOOLS[name]?.args ?? {}]),
  ),
  authenticate: { key: 'wrong' },
  subscribe: { requestId: ':task' },
  unsubscribe: { requestId: ':task' },
  ping: {},
};

let fixture: AccessFixture;
beforeAll(async () => {
  fixture = await startAccessFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const headersOf = (who: Who): Record<string, string> =>
  who === 'none' ? {} : { authorization: `Bearer ${fixture.keys[who]}` };

/** With the ids of what the victim owns. */
function filled(path: string): string {
  const { owned } = fixture;
  const kind =
    /\/(tasks|runs|approvals|sessions|api-keys|grants|requests|blocked|rate-limits)\/\{id\}/.exec(path)?.[1] ?? '';
  const ids: Record<string, string> = {
    tasks: owned.task,
    runs: owned.run,
    approvals: owned.approval,
    sessions: owned.session,
    'api-keys': owned.key,
    grants: owned.grant,
    requests: owned.request,
    blocked: owned.block,
    'rate-limits': owned.limit,
  };
  return path
    .replace('{id}', ids[kind] ?? '')
    .replace('{agent}', 'vault')
    .replace('{artifactId}', 'echo')
    .replace('{name}', path.includes('/workflows/') ? 'vault-flow' : 'victim-secret-marker')
    .replace('{path}', 'mcp');
}

const withIds = (args: object): Record<string, unknown> =>
  JSON.parse(
    JSON.stringify(args).replaceAll(':task', fixture.owned.task).replaceAll(':session', fixture.owned.session),
  ) as Record<string, unknown>;

async function knock(route: string, who: Who) {
  const [method = '', path = ''] = route.split(' ');
  const { body, query = '', headers = {} } = ROUTES[route] ?? { may: [] };
  const response = await fetch(fixture.server.url + filled(path) + query, {
    method,
    headers: { ...headersOf(who), ...headers, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, text: await response.text() };
}

/** What is wrong with an answer; nothing when it is as it should be. */
function wrongs(who: Who, may: readonly Who[], { status, text }: { status: number; text: string }): string[] {
  const leaks = leaksIn(text, who).map((marker) => `tells ${marker}`);
  const isIn = ![401, 403].includes(status);
  if (may === PUBLIC) return leaks;
  // Whoever shows a wrong key often is told to wait.
  if (STRANGERS.includes(who)) return [...leaks, ...([401, 429].includes(status) ? [] : [`${status} instead of 401`])];
  if (may.includes(who)) return [...leaks, ...(isIn ? [] : [`${status} for one who may`])];
  return [...leaks, ...([403, 404].includes(status) ? [] : [`${status} for one who may not`])];
}

describe('REST', () => {
  test('every route has an expectation, and every expectation a route', async () => {
    const { paths } = await fixture.server.json<{ paths: Record<string, object> }>(200, 'GET', '/api/openapi.json');
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.toSorted()).toEqual(Object.keys(ROUTES).toSorted());
  });

  test.each(EVERYBODY)('%s gets where it may, and learns nothing of the rest', async (who) => {
    const found: string[] = [];
    for (const [route, { may }] of Object.entries(ROUTES)) {
      if (TAKES_AWAY[route]?.includes(who)) continue;
      const answer = await knock(route, who);
      found.push(...wrongs(who, may, answer).map((wrong) => `${route}: ${wrong}`));
      // Who may see another agent is not told that this one is there.
      const isHidden = who === 'member' && (route.startsWith('GET /api/v1/agents/') || route === 'POST /api/v1/tasks');
      if (isHidden && answer.status !== 404) found.push(`${route}: ${answer.status} instead of 404`);
    }
    expect(found).toEqual([]);
  });
});

describe('MCP', () => {
  const ask = async (who: Who, method: string, params: object) => {
    const { status, messages } = await modern(
      `${fixture.server.url}/mcp`,
      method,
      { ...params },
      { headers: headersOf(who) },
    );
    return { status, text: JSON.stringify(messages), message: messages.at(-1) ?? {} };
  };

  test.each(STRANGERS)('%s is shown nothing', async (who) => {
    const listed = await ask(who, 'tools/list', {});
    expect([401, 429]).toContain(listed.status);
    expect(leaksIn(listed.text, who)).toEqual([]);
  });

  test.each(KNOWN)('%s is shown its tools, and no others answer', async (who) => {
    const listed = await ask(who, 'tools/list', {});
    const { result } = listed.message as { result: { tools: { name: string }[] } };
    const shown = result.tools.map(({ name }) => name).toSorted();
    expect(shown).toEqual(
      Object.entries(TOOLS)
        .filter(([, { may }]) => may.includes(who))
        .map(([name]) => name)
        .toSorted(),
    );
    const found = leaksIn(listed.text, who).map((marker) => `tools/list tells ${marker}`);
    for (const [name, { args, may }] of Object.entries(TOOLS)) {
      const { text, message } = await ask(who, 'tools/call', { name, arguments: withIds(args) });
      found.push(...leaksIn(text, who).map((marker) => `${name} tells ${marker}`));
      const isAnswered = 'result' in message && !(message['result'] as { isError?: boolean }).isError;
      if (isAnswered && !may.includes(who)) found.push(`${name} answers`);
      if (isAnswered && JSON.stringify(args).includes(':task')) found.push(`${name} answers for the victim's task`);
    }
    for (const uri of [
      `a2a-task://${fixture.owned.task}/artifacts/echo`,
      `a2a-task://${fixture.owned.run}/artifacts/output`,
    ]) {
      const { text, message } = await ask(who, 'resources/read', { uri });
      if ('result' in message) found.push(`resources/read answers ${text}`);
    }
    for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update'])
      for (const taskId of [fixture.owned.task, fixture.owned.run]) {
        const { text, message } = await ask(who, method, { taskId });
        if ('result' in message) found.push(`${method} answers ${text}`);
      }
    expect(found).toEqual([]);
  });
});

describe('WebSocket', () => {
  test('every method has an expectation', async () => {
    const client = await openSocket(fixture.server.streamUrl, { headers: headersOf('admin') });
    const hello = await client.next((message) => message['type'] === 'hello');
    expect((hello['methods'] as string[]).toSorted()).toEqual(Object.keys(METHODS).toSorted());
    await client.close();
  });

  test.each<Who>(['expired', 'revoked'])('%s is sent away', async (who) => {
    const client = await openSocket(fixture.server.streamUrl, { headers: headersOf(who) });
    expect([4401, 4429]).toContain((await client.closed).code);
  });

  test.each<Who>(['none', ...KNOWN])('%s gets nothing of the victim', async (who) => {
    const client = await openSocket(fixture.server.streamUrl, { headers: headersOf(who) });
    const found: string[] = [];
    for (const [method, args] of Object.entries(METHODS)) {
      if (client.socket.readyState !== client.socket.OPEN) break;
      const answer = await client.ask(method, withIds(args));
      const text = JSON.stringify(answer);
      found.push(...leaksIn(text, who).map((marker) => `${method} tells ${marker}`));
      const isMine =
        method === 'ping' ||
        method === 'unsubscribe' ||
        (who !== 'none' && ['list_agents', 'open_session'].includes(method));
      const maySee = WRITERS.includes(who) && ['describe_agent', 'invoke_agent'].includes(method);
      const isClosed = method === 'close_session' && text.includes('"closed":false');
      if ('result' in answer && !isMine && !maySee && !isClosed) found.push(`${method} answers ${text}`);
    }
    await client.close();
    expect(found).toEqual([]);
  });
});

test('nothing of the victim was changed by all that', async () => {
  const { server, victim, owned } = fixture;
  expect((await victim.call('GET', `/api/v1/tasks/${owned.task}`)).status).toBe(200);
  expect((await victim.call('GET', `/api/v1/sessions/${owned.session}`)).status).toBe(200);
  expect(await victim.json(200, 'GET', `/api/v1/permissions/requests/${owned.request}`)).toMatchObject({
    state: 'pending',
  });
  expect(await victim.json(200, 'GET', '/api/v1/agents/vault')).toMatchObject({ enabled: true, category: 'general' });
  expect(await victim.json(200, 'GET', '/api/v1/workflows/vault-flow')).toMatchObject({ status: 'active' });
  const { items } = await victim.json<{ items: object[] }>(200, 'GET', `/api/v1/approvals?run=${owned.run}`);
  expect(items).toMatchObject([{ id: owned.approval, prompt: 'victim-run-marker' }]);
  const [left] = await rows(
    server.databaseUrl,
    `select (select count(*)::int from rate_limits) as limits, (select count(*)::int from blocked_clients) as blocked,
       (select count(*)::int from grants where revoked_at is null and reason = 'victim-grant-marker') as grants,
       (select count(*)::int from agent_credentials) as credentials,
       (select count(*)::int from workflow_secrets) as secrets`,
  );
  expect(left).toEqual({ limits: 1, blocked: 1, grants: 1, credentials: 1, secrets: 1 });
});
