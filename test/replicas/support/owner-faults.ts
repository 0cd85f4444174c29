import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/until.js';
import type { Cluster } from './cluster.js';
import type { Stage } from './faults.js';

/** A replica dies with work in its hands, and comes back a little later. */
export async function killAnOwner(stage: Stage): Promise<void> {
  const { cluster, random } = stage;
  const { replica, executor } = await watchedOwner(cluster);
  const pause = random.int(0, 500);
  await stage.during(`kill -9 of ${replica.name}`, { hidesSigns: true }, () => replica.kill());
  stage.meanwhile(noteTakeover(stage, executor));
  stage.meanwhile(
    sleep(pause).then(async () => {
      await replica.start();
      await replica.becomesReady();
    }),
  );
}

/** A replica stands still for a while and does not know it: too short to be noticed, or so long that others took over. */
export async function freezeAnOwner(stage: Stage): Promise<void> {
  const { cluster, random, turn } = stage;
  const { replica, executor } = await watchedOwner(cluster);
  const isLong = turn % 3 === 0;
  const ms = isLong ? random.int(7_500, 8_500) : random.int(300, 3_000);
  await stage.during(`freeze of ${replica.name}`, { hidesSigns: true }, async () => {
    if (isLong) stage.meanwhile(noteTakeover(stage, executor));
    await replica.freezeFor(ms);
  });
  await replica.becomesReady();
}

async function noteTakeover({ cluster, takeovers }: Stage, executor: string): Promise<void> {
  takeovers.push(await cluster.takeover(executor));
}

/** One that works on tasks while another one would notice its death. */
function watchedOwner(cluster: Cluster) {
  return until(
    'a replica works on tasks and is watched',
    async () => (await cluster.owners()).find(({ replica }) => cluster.isWatched(replica)),
    20_000,
  );
}
