import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/until.js';
import { Cluster } from './support/cluster.js';
import { endure, type Scenario, type Stage, TEST_MS } from './support/faults.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ withRedis: true });
});
afterAll(() => cluster[Symbol.asyncDispose]());

test(
  'postgres restarted: nobody is ready meanwhile, and work goes on where it was',
  async () => {
    const scenario: Scenario = { name: 'postgres', tolerates: ['connection', 'unavailable'], fault: restartPostgres };
    expect((await endure(cluster, scenario)).wrongs).toEqual([]);
  },
  TEST_MS,
);

async function restartPostgres(stage: Stage): Promise<void> {
  const { postgres, replicas } = stage.cluster;
  const way = stage.random.pick(['stop', 'crash', 'freeze'] as const);
  const ms = stage.random.int(200, 3_500);
  await stage.during(`PostgreSQL away (${way})`, {}, async () => {
    if (way === 'freeze') postgres.freeze();
    else await postgres[way]();
    const gone = performance.now();
    await Promise.all(
      replicas.map((replica) =>
        until(`${replica.name} says 503`, async () => (await replica.readiness())?.status === 503, 5_000),
      ),
    );
    await sleep(Math.max(0, ms - (performance.now() - gone)));
    if (way === 'freeze') postgres.thaw();
    else await postgres.startAgain();
  });
  await Promise.all(replicas.map((replica) => replica.becomesReady()));
  await sleep(stage.random.int(0, 1_500));
}
