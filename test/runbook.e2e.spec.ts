import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAgents, type TestAgents } from './support/agents.js';
import { installHelm } from './support/helm.js';
import { principal } from './support/principals.js';
import { hasRedis, RedisServer } from './support/redis-server.js';
import { commandsOf } from './support/runbook/lines.js';
import { renderChart, type Stage, type Verdict, verdictOn } from './support/runbook/verdicts.js';
import { startServer, type TestServer } from './support/server.js';
import { openSocket } from './support/ws-client.js';

let stage: Stage;
let server: TestServer;
let agents: TestAgents;
let redis: RedisServer | undefined;
beforeAll(async () => {
  installHelm();
  redis = hasRedis ? await RedisServer.start() : undefined;
  [server, agents] = await Promise.all([
    startServer({ env: redis === undefined ? {} : { REDIS_URL: redis.url } }),
    startAgents(),
  ]);
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo'), slug: 'echo' });
  await letThingsHappen();
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  stage = { server, redis, metrics, manifests: renderChart() };
}, 120_000);
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

/** What the runbook looks for in the log: a connection, a limit that was met, something that went wrong on our side. */
async function letThingsHappen(): Promise<void> {
  await (await openSocket(server.streamUrl)).close();
  const user = await principal(server);
  await server.json(200, 'PUT', '/api/v1/rate-limits', { principal: user.principal, perMinute: 1, burst: 1 });
  for (let i = 0; i < 3; i++) await user.call('GET', '/api/v1/permissions/me');
  await server.json(201, 'POST', '/api/v1/agents', {
    card: { name: 'Gone', url: 'http://127.0.0.1:9/' },
    slug: 'gone',
  });
  await server.call('GET', '/api/v1/agents/gone/health');
  await server.call('POST', '/api/v1/agents/echo/refresh');
  await redis?.kill();
  await server.call('GET', '/api/v1/permissions/me');
  await redis?.start();
}

test.each(['docs/runbook.md', 'test/support/runbook/original.md'])(
  'every line of %s has one verdict',
  async (page) => {
    const counts: Record<Verdict, number> = { executed: 0, object: 0, cluster: 0, exempt: 0 };
    const wrong: string[] = [];
    for (const line of commandsOf(page)) {
      try {
        counts[await verdictOn(line, stage)]++;
      } catch (error) {
        wrong.push(`${line}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    console.info(`${page}: ${JSON.stringify(counts)}`);
    expect(wrong).toEqual([]);
    expect(counts.exempt).toBeLessThanOrEqual(6);
  },
  60_000,
);
