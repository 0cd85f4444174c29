import { startAgents } from './agents.js';
import { rows } from './database.js';
import { callerWith, principal, type TestPrincipal } from './principals.js';
import { startServer } from './server.js';
import { until } from './until.js';

/** Everybody who may come to a door. The first three have no valid credentials. */
export const EVERYBODY = [
  'none',
  'expired',
  'revoked',
  'user',
  'member',
  'viewer',
  'operator',
  'auditor',
  'admin',
] as const;
export type Who = (typeof EVERYBODY)[number];
export const STRANGERS: readonly Who[] = ['none', 'expired', 'revoked'];
export const KNOWN = EVERYBODY.filter((who) => !STRANGERS.includes(who));

/** Words that were planted, and who may read each of them anywhere. */
export const MARKERS: Readonly<Record<string, readonly Who[]>> = {
  'vault-marker': ['viewer', 'operator', 'auditor', 'admin'],
  'victim-words-marker': [],
  'victim-run-marker': ['operator', 'admin'],
  'victim-grant-marker': ['auditor', 'admin'],
  'victim-request-marker': ['auditor', 'admin'],
  'victim-key-marker': ['auditor', 'admin'],
  'victim-limit-marker': ['operator', 'auditor', 'admin'],
  'victim-credential-marker': [],
  'victim-secret-marker': ['admin'],
  'victim-secret-value-marker': [],
};

export interface Owned {
  readonly task: string;
  readonly run: string;
  readonly approval: string;
  readonly session: string;
  readonly grant: string;
  readonly request: string;
  readonly key: string;
  readonly limit: string;
  readonly block: string;
}

export type AccessFixture = Awaited<ReturnType<typeof startAccessFixture>>;

/**
 * A server with an agent and a workflow that some may call (`echo`, `open-flow`), an agent and a workflow that few may see
 * (`vault`, `vault-flow`), a victim, and everybody else.
 */
export async function startAccessFixture() {
  const [server, agents] = await Promise.all([startServer(), startAgents()]);
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') });
  const card = (await (await fetch(`${agents.url('researcher')}.well-known/agent-card.json`)).json()) as object;
  const skills = [{ id: 'open', name: 'vault-marker', description: 'vault-marker', tags: ['vault-marker'] }];
  await server.json(201, 'POST', '/api/v1/agents', {
    card: { ...card, name: 'vault-marker', description: 'vault-marker', skills },
    slug: 'vault',
    credentials: { type: 'bearer', token: 'victim-credential-marker' },
  });

  await server.json(200, 'PUT', '/api/v1/secrets/victim-secret-marker', { value: 'victim-secret-value-marker' });

  for (const [name, title] of [
    ['open-flow', 'Open'],
    ['vault-flow', 'vault-marker'],
  ])
    await server.json(201, 'POST', '/api/v1/workflows', { definition: flowOf(name, title) });

  const victim = await principal(server, { name: 'victim-key-marker', roles: ['operator'] });
  const owned = await whatBelongsTo(victim);

  const keys: Record<Who, string> = {
    none: '',
    expired: (await principal(server)).key,
    revoked: (await principal(server)).key,
    user: (await principal(server)).key,
    member: (await principal(server, { groups: ['team'] })).key,
    viewer: (await principal(server, { roles: ['viewer'] })).key,
    operator: (await principal(server, { roles: ['operator'] })).key,
    auditor: (await principal(server, { roles: ['auditor'] })).key,
    admin: (await principal(server, { roles: ['admin'] })).key,
  };
  const idOf = (key: string) => key.split('_')[1] ?? '';
  await rows(server.databaseUrl, `update api_keys set expires_at = now() where id = '${idOf(keys.expired)}'`);
  await server.json(204, 'DELETE', `/api/v1/api-keys/${idOf(keys.revoked)}`);
  await server.json(201, 'POST', '/api/v1/permissions/grants', {
    group: 'team',
    actions: ['agents:call'],
    resources: [{ agent: 'echo' }],
  });
  await server.json(201, 'POST', '/api/v1/permissions/grants', {
    group: 'team',
    actions: ['workflows:run'],
    resources: [{ workflow: 'open-flow' }],
  });

  async function whatBelongsTo(owner: TestPrincipal): Promise<Owned> {
    const idIn = async (answer: Promise<{ id: string }>) => (await answer).id;
    const admin = callerWith(server, (await principal(server, { roles: ['admin'] })).key);
    const { taskId } = await owner.json<{ taskId: string }>(202, 'POST', '/api/v1/tasks', {
      agent: 'echo',
      message: 'victim-words-marker',
    });
    const { sessionId } = await owner.json<{ sessionId: string }>(201, 'POST', '/api/v1/sessions', {});
    const { runId } = await owner.json<{ runId: string }>(202, 'POST', '/api/v1/workflows/vault-flow/runs', {
      input: { word: 'victim-run-marker' },
    });
    const asked = () => owner.json<{ items: { id: string }[] }>(200, 'GET', `/api/v1/approvals?run=${runId}`);
    await until('the run asks', async () => (await asked()).items.length === 1);
    return {
      task: taskId,
      run: runId,
      approval: (await asked()).items[0]?.id ?? '',
      session: sessionId,
      key: owner.id,
      grant: await idIn(
        admin.json(201, 'POST', '/api/v1/permissions/grants', {
          principal: owner.principal,
          actions: ['agents:call'],
          resources: [{ agent: 'vault' }],
          reason: 'victim-grant-marker',
        }),
      ),
      request: await idIn(
        owner.json(201, 'POST', '/api/v1/permissions/requests', {
          actions: ['agents:write'],
          resources: [{ agent: 'vault' }],
          reason: 'victim-request-marker',
        }),
      ),
      limit: await idIn(
        admin.json(200, 'PUT', '/api/v1/rate-limits', {
          principal: owner.principal,
          perMinute: 100_000,
          burst: 100_000,
          reason: 'victim-limit-marker',
        }),
      ),
      block: await idIn(
        admin.json(201, 'POST', '/api/v1/rate-limits/blocked', {
          principal: 'user:nobody',
          reason: 'victim-limit-marker',
        }),
      ),
    };
  }

  return {
    server,
    victim,
    owned,
    keys,
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await agents[Symbol.asyncDispose]();
    },
  };
}

/** Asks a person, with a word of its input. */
const flowOf = (name = '', title = '') => ({
  document: { dsl: '1.0.3', namespace: 'test', name, version: '1.0.0', title },
  do: [{ decide: { call: 'human', with: { prompt: '${ .word }' } } }],
});

/** Planted words in a text that this caller may not read. */
export const leaksIn = (text: string, who: Who): string[] =>
  Object.entries(MARKERS).flatMap(([marker, readers]) =>
    text.includes(marker) && !readers.includes(who) ? [marker] : [],
  );
