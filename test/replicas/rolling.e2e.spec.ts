import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from './support/cluster.js';
import { endure, type Stage, TEST_MS } from './support/faults.js';
import { NEXT_MIGRATION, nextBuild } from './support/next-build.js';
import { restartNext } from './support/rolling-restart.js';

const next = nextBuild();
let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ withRedis: true });
}, 120_000);
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  next[Symbol.dispose]();
});

/** All replicas to a version with one migration more, then all back, and so on: most of the time both serve side by side. */
const update = (stage: Stage): Promise<void> => {
  const isForward = Math.floor(stage.turn / cluster.replicas.length) % 2 === 0;
  return restartNext(stage, isForward ? next.program : undefined);
};

test(
  'rolling update to a version with one migration more, and back: not one call fails',
  async () => {
    const before = await cluster.rows('select name from migrations');
    // All forward, and one back.
    const least = cluster.replicas.length + 1;
    const { wrongs } = await endure(cluster, { name: 'rolling', tolerates: [], least, fault: update });
    expect(wrongs).toEqual([]);

    const applied = (await cluster.rows('select name from migrations')).map(({ name }) => name);
    expect(applied).toEqual([...before.map(({ name }) => name), NEXT_MIGRATION]);
    const present = cluster.replicas.filter(({ program }) => program === undefined);
    expect(present.length).toBeGreaterThan(0);
    for (const replica of present) {
      expect(await replica.readiness()).toMatchObject({
        status: 200,
        text: expect.stringContaining('"migrations":{"schema":"ahead","status":"up"}'),
      });
      const said = replica.logs.filter(({ message }) => message.startsWith('The schema is ahead of this version'));
      expect(said.length).toBeGreaterThan(0); // once in each life that saw it
      for (const line of said) expect(line).toMatchObject({ level: 'INFO', migrations: [NEXT_MIGRATION] });
    }
  },
  TEST_MS,
);
