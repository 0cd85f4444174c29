import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '../support/random.js';
import { until } from '../support/until.js';
import { Cluster } from './support/cluster.js';
import { Stage, TEST_MS } from './support/faults.js';
import { type RecordingService, startRecordingService } from './support/recording-service.js';
import { callWitness } from './support/witness.js';
import { type StartedRun, WorkflowClient } from './support/workflow-clients.js';
import { judgeRuns } from './support/workflow-oracle.js';
import { workflowPlan } from './support/workflow-plans.js';
import { KINDS } from './support/workflow-tasks.js';

/** In `npm test`; `npm run soak -- workflows` asks for more. */
const WORKFLOWS = Number(process.env.WORKFLOWS ?? 20);
const SEED = Number(process.env.FAULT_SEED ?? 20_251_128);
/** While there are runs to meet them. */
const LEAST_FAULTS = 6;
/** So many begin before each fault. */
const RUNS_PER_FAULT = 4;
/** Runs that are under way at a time. */
const MOST_AT_ONCE = 20;
const BETWEEN_STARTS_MS = 100;
/** After the last fault. */
const ENDED_MS = 60_000;

let cluster: Cluster;
let service: RecordingService;
beforeAll(async () => {
  service = await startRecordingService();
  cluster = await Cluster.start({ withRedis: true });
  await callWitness(cluster);
}, 120_000);
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
});

test(
  'workflows: whatever dies, freezes or restarts between two steps, every run ends and does each step once',
  async () => {
    const random = new Random(SEED);
    const stage = new Stage(cluster, random.fork());
    await using client = new WorkflowClient(cluster);
    const flushing = setInterval(() => void cluster.redis.command('FLUSHDB').catch(() => undefined), 100);
    try {
      const working = startAll(client, random.fork(), stage);
      let runs: StartedRun[] | undefined;
      void working.then((all) => (runs = all));
      while (runs === undefined || (stage.turn < LEAST_FAULTS && (await open()) > 0)) await fault(stage);
      await stage.end();
      await until('every run ends', async () => (await open()) === 0, ENDED_MS).catch(() => undefined);
      await client.settled();
      const evidence = { cluster, runs: await working, outages: stage.outages, heard: service.heard };
      const wrongs = [...client.wrongs, ...(await judgeRuns(evidence))];
      const faults = stage.outages.map(({ what }) => what).join(', ');
      console.info(`workflows: ${WORKFLOWS} runs, seed ${SEED}, ${stage.outages.length} faults: ${faults}`);
      expect(wrongs).toEqual([]);
      const kinds = new Set(runs.flatMap(({ plan }) => [...plan.kinds]));
      expect(WORKFLOWS < KINDS.length ? [] : KINDS.filter((kind) => !kinds.has(kind))).toEqual([]);
    } finally {
      clearInterval(flushing);
    }
  },
  TEST_MS,
);

async function startAll(client: WorkflowClient, random: Random, stage: Stage): Promise<StartedRun[]> {
  const runs: StartedRun[] = [];
  for (let n = 0; n < WORKFLOWS; n++) {
    runs.push(await client.start(workflowPlan(n, `workflows-${n}`, service.url, random.fork())));
    await sleep(BETWEEN_STARTS_MS);
    const isTime = () => stage.turn >= Math.floor((n + 1) / RUNS_PER_FAULT);
    await until('there is room for another', async () => isTime() && (await open()) < MOST_AT_ONCE, 120_000);
  }
  return runs;
}

async function open(): Promise<number> {
  const [row] = await cluster
    .rows(`select count(*)::int as n from tasks where kind = 'workflow' and parent is null and finished_at is null`)
    .catch(() => []);
  return row === undefined ? Infinity : Number(row.n);
}

async function fault(stage: Stage): Promise<void> {
  await sleep(stage.random.int(100, 1_500));
  await stage.random.pick([kill, kill, freeze, restartPostgres])(stage);
  stage.turn++;
}

/** It comes back a little later. */
async function kill(stage: Stage): Promise<void> {
  const replica = running(stage);
  const pause = stage.random.int(0, 500);
  await stage.during(`kill -9 of ${replica.name}`, { hidesSigns: true, pid: replica.pid }, () => replica.kill());
  await sleep(pause);
  await replica.start();
}

/** Too short to be noticed, or so long that others take over. */
async function freeze(stage: Stage): Promise<void> {
  const replica = running(stage);
  const ms = stage.random.pick([stage.random.int(300, 3_000), stage.random.int(7_500, 8_500)]);
  await stage.during(`freeze of ${replica.name}`, { hidesSigns: true, pid: replica.pid }, () => replica.freezeFor(ms));
}

async function restartPostgres(stage: Stage): Promise<void> {
  const { postgres } = stage.cluster;
  const way = stage.random.pick(['stop', 'crash', 'freeze'] as const);
  const ms = stage.random.int(200, 2_000);
  await stage.during(`PostgreSQL away (${way})`, { hidesSigns: true }, async () => {
    await postgres[way]();
    await sleep(ms);
    if (way === 'freeze') postgres.thaw();
    else await postgres.startAgain();
  });
}

const running = (stage: Stage) => stage.random.pick(stage.cluster.replicas.filter(({ isRunning }) => isRunning));
