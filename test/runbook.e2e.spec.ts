import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { installHelm, render } from './support/helm.js';
import { hasPostgresTools, PostgresServer } from './support/postgres-server.js';
import { principal } from './support/principals.js';
import { hasPrometheus, PrometheusServer } from './support/prometheus-server.js';
import { hasRedis, RedisServer } from './support/redis-server.js';
import { AGENTS } from './support/runbook/executed.js';
import type { Stage, Verdict } from './support/runbook/kinds.js';
import { commandsOf } from './support/runbook/lines.js';
import { hasShell, Operator } from './support/runbook/operator.js';
import { verdictOn } from './support/runbook/verdicts.js';
import { SECRET_KEYS } from './support/secret-keys.js';
import { ADMIN_KEY, launch, startServer, type TestServer } from './support/server.js';
import { startTask } from './support/task-client.js';
import { openSocket } from './support/ws-client.js';
import { postWorkflow } from './support/workflow-runs.js';

const isComplete = hasRedis && hasPostgresTools && hasPrometheus && hasShell;
const started: AsyncDisposable[] = [];
let stage: Omit<Stage, 'operator'>;
let redis: RedisServer;
let prometheus: PrometheusServer;
let load: ReturnType<typeof keepCalling>;

beforeAll(async () => {
  if (!isComplete) return;
  installHelm();
  redis = await keep(RedisServer.start());
  const [database, server, agents] = await Promise.all([
    keep(operatorsDatabase()),
    keep(startServer({ env: { REDIS_URL: redis.url } })),
    keep(startAgents()),
  ]);
  prometheus = await keep(PrometheusServer.start([Number(new URL(server.url).port)]));
  await letThingsHappen(server, agents);
  stage = { server, database, manifests: render('v4') };
  load = keepCalling(server);
}, 120_000);
afterAll(async () => {
  for (const each of started.toReversed()) await each[Symbol.asyncDispose]();
});

async function keep<T extends AsyncDisposable>(starting: Promise<T>): Promise<T> {
  const each = await starting;
  started.push(each);
  return each;
}

/** Migrated by the program, with many agents, one in five hundred of the category that the runbook looks for. */
async function operatorsDatabase(): Promise<PostgresServer> {
  const database = await PostgresServer.start();
  const { code } = await launch({ DATABASE_URL: database.url }, ['migrate']).exited;
  if (code !== 0) throw new Error(`migrate ended with ${code}`);
  await database.query(`
    insert into agents (slug, name, description, category, tags, card, raw_card, card_fetched_at, version)
    select 'agent-' || n, 'Agent ' || n, 'One of many', case when n % 500 = 0 then 'web_scraper' else 'kind-' || n % 40 end,
           array['tag-' || n % 100], '{}', '{}', now(), 1 from generate_series(1, ${AGENTS}) n`);
  await database.query('analyze agents');
  return database;
}

/** What the runbook looks for in the log: a connection, a limit that was met, something that went wrong on our side. */
async function letThingsHappen(server: TestServer, agents: TestAgents): Promise<void> {
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo'), slug: 'echo' });
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('researcher'), slug: 'called-meanwhile' });
  await postWorkflow(server, 'nightly-digest', [
    { digest: { call: 'agent', with: { agent: 'echo', message: 'News?' } } },
  ]);
  await (await openSocket(server.streamUrl)).close();
  const user = await principal(server);
  await server.json(200, 'PUT', '/api/v1/rate-limits', { principal: user.principal, perMinute: 1, burst: 1 });
  for (let i = 0; i < 3; i++) await user.call('GET', '/api/v1/permissions/me');
  await server.json(201, 'POST', '/api/v1/agents', {
    card: { name: 'Gone', url: 'http://127.0.0.1:9/' },
    slug: 'gone',
  });
  await server.call('GET', '/api/v1/agents/gone/health');
  await redis.kill();
  await server.call('GET', '/api/v1/permissions/me');
  await redis.start();
}

/** Somebody is at work while operators are. */
function keepCalling(server: TestServer) {
  const outcomes: string[] = [];
  let over = false;
  const session = server.json<{ sessionId: string }>(201, 'POST', '/api/v1/sessions', {});
  const loop = async () => {
    const { sessionId } = await session;
    while (!over) {
      const body = { agent: 'called-meanwhile', message: 'still there? in 100 ms', sessionId };
      const answer = await startTask(server, body, { prefer: 'wait=20' }).catch((error: Error) => error.message);
      outcomes.push(typeof answer === 'string' ? answer : answer.task.state);
      await sleep(50);
    }
  };
  const running = loop();
  const stop = async () => {
    over = true;
    await running;
    return outcomes;
  };
  return { stop, outcomes };
}

test.skipIf(!isComplete).each(['docs/runbook.md', 'test/support/runbook/original.md'])(
  'every line of %s has one verdict',
  async (page) => {
    const { server } = stage;
    using operator = new Operator({
      env: { ...stage.database.env, KEY: ADMIN_KEY, DATABASE_URL: stage.database.url, SECRET_KEYS },
      ports: { http: Number(new URL(server.url).port), prometheus: prometheus.port, redis: redis.port },
      log: () => server.logs.map((line) => JSON.stringify(line)).join('\n'),
    });
    const counts: Record<Verdict, number> = { executed: 0, object: 0, cluster: 0, exempt: 0 };
    const wrong: string[] = [];
    for (const line of commandsOf(page)) {
      try {
        counts[await verdictOn(line, { ...stage, operator })]++;
      } catch (error) {
        wrong.push(`${line}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    console.info(`${page}: ${JSON.stringify(counts)}`);
    expect(wrong).toEqual([]);
    expect(counts.exempt).toBeLessThanOrEqual(5);
    expect(counts.executed).toBeGreaterThan(25);
  },
  120_000,
);

test.skipIf(!isComplete)('whoever called meanwhile noticed nothing, not even FLUSHDB', async () => {
  const outcomes = await load.stop();
  expect(outcomes.length).toBeGreaterThan(20);
  expect(new Set(outcomes)).toEqual(new Set(['completed']));
});
