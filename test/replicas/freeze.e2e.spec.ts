import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from './support/cluster.js';
import { endure, TEST_MS } from './support/faults.js';
import { freezeAnOwner } from './support/owner-faults.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ withRedis: true });
});
afterAll(() => cluster[Symbol.asyncDispose]());

test(
  'freeze and wake of the owner: what it still wants to write when it wakes up is lost, and nothing else',
  async () => {
    const { takeovers, wrongs } = await endure(cluster, {
      name: 'freeze',
      tolerates: ['connection'],
      fault: freezeAnOwner,
    });
    expect(wrongs).toEqual([]);
    expect(takeovers.length).toBeGreaterThan(0);
  },
  TEST_MS,
);
