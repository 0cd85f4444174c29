import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { newDatabase, rows, type TestDatabase } from './support/database.js';
import { principal } from './support/principals.js';
import { ADMIN_KEY, launch, startServer, type TestServer } from './support/server.js';
import { startTask } from './support/task-client.js';

interface AuditEvent {
  id: string;
  at: string;
  kind: string;
  action: string;
  outcome: string;
  principal?: string;
  agent?: string;
  subject?: string;
  detail?: Record<string, unknown>;
}

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  for (const name of ['echo', 'asker', 'long-runner'])
    await server.json(201, 'POST', '/api/v1/agents', { url: agents.url(name), slug: name });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

// It takes a minute until an anchor is made, in which the other tests run.
const planted = plantTrail();
planted.catch(() => undefined);

const trail = async (query: string) =>
  (await server.json<{ items: AuditEvent[] }>(200, 'GET', `/api/v1/audit?page_size=200&${query}`)).items;

describe('recorded is', () => {
  test('every change of the configuration, without secrets', async () => {
    const user = await principal(server, { name: 'audited', roles: ['viewer'] });
    await server.json(200, 'PATCH', '/api/v1/agents/echo', { category: 'x', headers: { 'X-Token': 'planted-header' } });
    await server.call('PUT', '/api/v1/agents/echo/credentials', { type: 'bearer', token: 'planted-token' });
    const grant = await server.json<{ id: string }>(201, 'POST', '/api/v1/permissions/grants', {
      principal: user.principal,
      actions: ['agents:call'],
      resources: [{ agent: 'echo' }],
      reason: 'because',
    });
    await server.json(200, 'DELETE', `/api/v1/permissions/grants/${grant.id}?reason=over`);
    const asked = await user.json<{ id: string }>(201, 'POST', '/api/v1/permissions/requests', {
      actions: ['agents:call'],
      resources: '*',
      reason: 'please',
    });
    await server.json(200, 'POST', `/api/v1/permissions/requests/${asked.id}/deny`, { reason: 'no' });
    const limit = await server.json<{ id: string }>(200, 'PUT', '/api/v1/rate-limits', {
      principal: user.principal,
      perMinute: 1_000,
      burst: 1_000,
    });
    await server.json(204, 'DELETE', `/api/v1/rate-limits/${limit.id}`);
    await server.json(201, 'POST', `/api/v1/api-keys/${user.id}/rotate`, {});
    await server.json(204, 'DELETE', `/api/v1/api-keys/${user.id}`);

    const changes = (await trail('kind=change')).toReversed();
    expect(changes.map(({ action }) => action)).toEqual([
      'agents.register',
      'agents.register',
      'agents.register',
      'keys.create',
      'agents.update',
      'agents.set_credentials',
      'grants.create',
      'grants.revoke',
      'requests.create',
      'requests.deny',
      'limits.set',
      'limits.remove',
      'keys.rotate',
      'keys.revoke',
    ]);
    expect(changes[6]).toMatchObject({
      outcome: 'ok',
      principal: 'admin',
      keyId: 'bootstrap',
      address: '127.0.0.1',
      subject: grant.id,
      detail: { subject: user.principal, actions: ['agents:call'], effect: 'allow', reason: 'because' },
    });
    expect(changes[8]).toMatchObject({ principal: user.principal });
    const all = JSON.stringify(changes);
    for (const secret of ['planted-header', 'planted-token', user.key, ADMIN_KEY]) expect(all).not.toContain(secret);
  });

  test('no change that did not happen', async () => {
    const before = (await trail('kind=change')).length;
    await server.call('POST', '/api/v1/agents', { url: agents.url('echo'), slug: 'echo' });
    await server.call('PATCH', '/api/v1/agents/echo', { category: 'y' }, { 'if-match': '"99"' });
    await server.call('DELETE', '/api/v1/permissions/grants/999999');
    expect((await trail('kind=change')).length).toBe(before);
  });

  test('every call: who, from where, which agent, how it ended, digests and no words', async () => {
    const user = await principal(server, { roles: ['operator'] });
    const done = await startTask(
      server,
      { agent: 'echo', message: 'planted words' },
      { ...user.headers, prefer: 'wait=10' },
    );
    const asked = await startTask(
      server,
      { agent: 'asker', message: 'ask me' },
      { ...user.headers, prefer: 'wait=10' },
    );
    await user.call('POST', `/api/v1/tasks/${asked.task.taskId}/messages`, { message: 'blue' });
    const long = await startTask(server, { agent: 'long-runner', message: 'for 60 s' }, user.headers);
    await user.call('POST', `/api/v1/tasks/${long.task.taskId}/cancel`);
    const calls = () => trail(`kind=call&principal=${encodeURIComponent(user.principal)}`);
    await expect.poll(async () => (await calls()).length, { timeout: 10_000 }).toBe(4);
    const [first, , , last] = (await calls()).toReversed();
    expect(first).toMatchObject({
      action: 'agents:call',
      outcome: 'completed',
      keyId: user.id,
      address: '127.0.0.1',
      agent: 'echo',
      subject: done.task.taskId,
      detail: { input: expect.stringMatching(/^[0-9a-f]{64}$/), output: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(JSON.stringify(await calls())).not.toContain('planted words');
    const turns = (await trail(`subject=${asked.task.taskId}`)).toReversed();
    expect(turns.map(({ outcome }) => outcome)).toEqual(['input-required', 'completed']);
    expect([last, ...(await trail(`subject=${long.task.taskId}`))]).toContainEqual(
      expect.objectContaining({ action: 'tasks:cancel', outcome: 'canceled', subject: long.task.taskId }),
    );
  });

  test('what was denied, and wrong credentials', async () => {
    const user = await principal(server);
    await user.call('GET', '/api/v1/agents');
    await user.call('POST', '/api/v1/tasks', { agent: 'echo', message: 'hi' });
    await user.tool('invoke_agent', { agentId: 'echo', capability: '', input: { message: 'x' } });
    const denied = await trail(`kind=denied&principal=${encodeURIComponent(user.principal)}`);
    expect(denied.length).toBeGreaterThanOrEqual(3);
    expect(denied).toContainEqual(
      expect.objectContaining({ action: 'agents:read', outcome: 'denied', address: '127.0.0.1' }),
    );
    await fetch(`${server.url}/api/v1/agents`, { headers: { 'x-api-key': `a2a_${user.id}_wrong` } });
    expect((await trail('kind=authentication'))[0]).toMatchObject({
      outcome: 'failed',
      keyId: user.id,
      address: '127.0.0.1',
    });
  });
});

describe('GET /api/v1/audit', () => {
  test('is for auditors and administrators', async () => {
    const auditor = await principal(server, { roles: ['auditor'] });
    const operator = await principal(server, { roles: ['operator'] });
    expect((await auditor.call('GET', '/api/v1/audit')).status).toBe(200);
    expect((await operator.call('GET', '/api/v1/audit')).status).toBe(403);
  });

  test('pages, newest first, and gives all as JSON lines', async () => {
    const ids: string[] = [];
    let token: string | undefined;
    const query = 'kind=change&page_size=5';
    do {
      const page = await server.json<{ items: AuditEvent[]; nextPageToken?: string }>(
        200,
        'GET',
        `/api/v1/audit?${query}${token === undefined ? '' : `&page_token=${token}`}`,
      );
      ids.push(...page.items.map(({ id }) => id));
      token = page.nextPageToken;
    } while (token !== undefined);
    const response = await server.call('GET', '/api/v1/audit?kind=change', undefined, {
      accept: 'application/x-ndjson',
    });
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    const lines = (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditEvent);
    expect(lines.map(({ id }) => id)).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(lines.map(({ at }) => at)).toEqual(
      lines
        .map(({ at }) => at)
        .toSorted()
        .toReversed(),
    );
  });

  test('filters by time, and names what is wrong in a filter', async () => {
    const [newest] = await trail('kind=change');
    expect(await trail(`from=${newest?.at}&kind=change`)).toHaveLength(1);
    expect(await trail('to=2020-01-01T00:00:00Z')).toEqual([]);
    for (const query of ['kind=x', 'from=yesterday', 'page_token=x', 'nobody=1'])
      expect((await server.call('GET', `/api/v1/audit?${query}`)).status).toBe(400);
  });
});

test('with AUDIT_PAYLOADS the words are there', async () => {
  await using open = await startServer({ env: { AUDIT_PAYLOADS: 'true' } });
  await open.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') });
  await startTask(open, { agent: 'echo', message: 'these words' }, { prefer: 'wait=10' });
  const { items } = await open.json<{ items: AuditEvent[] }>(200, 'GET', '/api/v1/audit?kind=call');
  expect(items[0]?.detail?.['payload']).toMatchObject({ input: [{ text: 'these words' }] });
});

/** Two processes, two chains, and an anchor that joins them. */
async function plantTrail(): Promise<{ database: TestDatabase; anchor: string }> {
  const database = await newDatabase();
  const env = { DATABASE_URL: database.url };
  const replicas = await Promise.all([startServer({ env }), startServer({ env })]);
  for (const replica of replicas)
    for (let i = 0; i < 5; i++) await replica.json(201, 'POST', '/api/v1/api-keys', { name: `key ${i}` });
  for (const replica of replicas) await replica.json(200, 'GET', '/api/v1/audit');
  const line = await Promise.any(
    replicas.map((replica) => replica.waitForLog(({ message }) => message === 'Audit anchor', 75_000)),
  );
  // Without an end of their own: what a killed process leaves.
  await Promise.all(replicas.map((replica) => replica.stop('SIGKILL')));
  return { database, anchor: `${String(line['anchor'])}:${String(line['mac'])}` };
}

describe('main.js audit verify', () => {
  let database: TestDatabase;
  let anchor: string;
  const verify = async (...args: string[]) => {
    const program = launch({ DATABASE_URL: database.url }, ['audit', 'verify', ...args]);
    const [output, { code }] = await Promise.all([text(program.child.stdout), program.exited]);
    return { code, output };
  };

  beforeAll(async () => {
    ({ database, anchor } = await planted);
  }, 120_000);
  afterAll(() => database[Symbol.asyncDispose]());

  const [first] = ['select chain, seq from audit_log where seq > 1 order by chain, seq limit 1'];
  /** Changes something, verifies, and puts it back. */
  const after = async (change: string) => {
    await rows(database.url, 'create table log_kept as table audit_log');
    await rows(database.url, 'create table anchors_kept as table audit_anchors');
    await rows(database.url, change);
    const result = await verify('--anchor', anchor);
    await rows(database.url, 'truncate audit_log, audit_anchors');
    await rows(database.url, 'insert into audit_log select * from log_kept');
    await rows(database.url, 'insert into audit_anchors select * from anchors_kept');
    await rows(database.url, 'drop table log_kept, anchors_kept');
    return result;
  };

  test('finds nothing in a trail that is whole, and says what it cannot know', async () => {
    const { code, output } = await verify('--anchor', anchor);
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('nothing was altered') });
    expect(output).toContain('10 events and 1 anchors');
    expect(output).toContain('Cannot be known');
  });

  test.each([
    ['an altered word', `update audit_log set principal = 'key:innocent' where (chain, seq) = (${first})`, /altered/],
    ['an altered time', `update audit_log set at = at - interval '1 ms' where (chain, seq) = (${first})`, /altered/],
    ['an altered detail', `update audit_log set detail = '{}' where (chain, seq) = (${first})`, /altered/],
    ['a removed event', `delete from audit_log where (chain, seq) = (${first})`, /removed/],
    ['the beginning of a chain', 'delete from audit_log where seq = 1', /removed/],
    ['the end of a chain before the anchor', 'delete from audit_log where seq >= 4', /removed: anchor 1 knows of it/],
    ['a whole chain', 'delete from audit_log where chain = (select min(chain::text) from audit_log)::uuid', /removed/],
    ['everything', 'delete from audit_log', /removed/],
    ['everything and the anchors', 'truncate audit_log, audit_anchors', /anchor\/1: removed: the log knows of it/],
    ['an altered anchor', `update audit_anchors set at = at - interval '1 s'`, /anchor\/1: altered/],
    [
      'an inserted event',
      `insert into audit_log (chain, seq, at, kind, action, outcome, kid, mac)
       select chain, max(seq) + 1, now(), 'change', 'keys.create', 'ok', 'k1', repeat('x', 43) from audit_log group by chain`,
      /altered or inserted/,
    ],
    [
      'two events that changed places',
      `update audit_log set seq = 5 - seq - 100 where seq in (2, 3); update audit_log set seq = seq + 100 where seq < 0`,
      /altered/,
    ],
  ])('finds %s', async (_, change, expected) => {
    const { code, output } = await after(change);
    expect({ code, output }).toMatchObject({ code: 1, output: expect.stringMatching(expected) });
  });

  test('says how it is called', async () => {
    expect((await verify('--anchor', 'x')).code).toBe(2);
  });
});
