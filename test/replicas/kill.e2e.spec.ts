import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from './support/cluster.js';
import { endure, TEST_MS } from './support/faults.js';
import { killAnOwner } from './support/owner-faults.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ withRedis: true });
});
afterAll(() => cluster[Symbol.asyncDispose]());

test(
  'kill -9 of the owner: no call is lost, none is recorded twice, and others take over',
  async () => {
    const { takeovers, wrongs } = await endure(cluster, {
      name: 'kill',
      tolerates: ['connection'],
      fault: killAnOwner,
    });
    expect(wrongs).toEqual([]);
    expect(takeovers.length).toBeGreaterThan(0);
  },
  TEST_MS,
);
