import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from './support/cluster.js';
import { endure, TEST_MS } from './support/faults.js';
import { restartNext } from './support/rolling-restart.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ withRedis: true });
});
afterAll(() => cluster[Symbol.asyncDispose]());

test(
  'rolling restart by SIGTERM: not one call fails',
  async () => {
    expect((await endure(cluster, { name: 'rolling', tolerates: [], fault: restartNext })).wrongs).toEqual([]);
  },
  TEST_MS,
);
