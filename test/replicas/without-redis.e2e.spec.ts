import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from './support/cluster.js';
import { endure, type Stage, TEST_MS } from './support/faults.js';
import { killAnOwner } from './support/owner-faults.js';
import { restartNext } from './support/rolling-restart.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ withRedis: false });
});
afterAll(() => cluster[Symbol.asyncDispose]());

test(
  'redis absent altogether: the same promises',
  async () => {
    for (const replica of cluster.replicas) expect(await replica.readiness()).toMatchObject({ status: 200 });
    const { wrongs } = await endure(cluster, { name: 'absent', tolerates: ['connection'], fault: killOrRestart });
    expect(wrongs).toEqual([]);
  },
  TEST_MS,
);

async function killOrRestart(stage: Stage): Promise<void> {
  if (stage.random.chance(0.7)) return killAnOwner(stage);
  // Somebody must be there to serve, and to take over.
  await stage.end();
  return restartNext(stage);
}
