import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallRecord, Trouble } from './calls.js';
import type { Cluster } from './cluster.js';
import { judge, type Outage } from './oracle.js';
import { Random } from '../../support/random.js';
import { Workload } from './workload.js';

/** In `npm test`; `npm run soak` asks for more. */
const FAULTS = Number(process.env.FAULTS ?? 5);
/** No scenario makes faults for longer, and says so when it stops early. */
const FAULT_MINUTES = Number(process.env.FAULT_MINUTES ?? 1);
/** For what comes before and after the faults: a cluster, a last takeover, the judgement. */
const AROUND_MS = 120_000;
export const TEST_MS = FAULT_MINUTES * 60_000 + AROUND_MS;

/** Of a complaint; tasks with long histories would hide the others. */
const LONGEST = 600;

/**
 * The longest that work may lie still after its owner died: 8 s. `npm test` plays scenarios beside other tests on a busy
 * machine and only sees to it that nothing is forgotten; `npm run soak` has the machine to itself and holds it to the promise.
 */
const TAKEOVER_MS = Number(process.env.FAULT_TAKEOVER_MS ?? 15_000);

export interface Scenario {
  /** One word; begins the tokens of its calls. */
  readonly name: string;
  /** What clients may meet while it is played; wrong results never. */
  readonly tolerates: readonly Trouble[];
  /** So many faults are made however long they take. */
  readonly least?: number;
  /** Makes one fault and mends it. */
  fault(stage: Stage): Promise<void>;
}

export interface Report {
  /** Every promise that was broken, in words. */
  readonly wrongs: readonly string[];
  readonly takeovers: readonly number[];
}

/** What a fault is made with. */
export class Stage {
  readonly outages: Outage[] = [];
  readonly takeovers: number[] = [];
  /** How many faults there were before this one. */
  turn = 0;
  private readonly behind: Promise<void>[] = [];

  constructor(
    readonly cluster: Cluster,
    readonly random: Random,
  ) {}

  /** Something is broken for as long as this takes. */
  async during(
    what: string,
    { hidesSigns = false, pid }: { hidesSigns?: boolean; pid?: number },
    broken: () => Promise<void>,
  ): Promise<void> {
    const from = Date.now();
    try {
      await broken();
    } finally {
      this.outages.push({ what, from, to: Date.now(), hidesSigns, pid });
    }
  }

  /** Goes on behind the next faults, and must have gone well at the end. */
  meanwhile(work: Promise<void>): void {
    work.catch(() => undefined);
    this.behind.push(work);
  }

  async end(): Promise<void> {
    await Promise.all(this.behind);
  }
}

/** Plays a scenario under load and judges what became of every call. A seed that failed is played again with FAULT_SEED. */
export async function endure(cluster: Cluster, scenario: Scenario): Promise<Report> {
  const seed = process.env.FAULT_SEED === undefined ? randomInt(2 ** 32) : Number(process.env.FAULT_SEED);
  const random = new Random(seed);
  const stage = new Stage(cluster, random.fork());
  const since = performance.now();
  const workload = await Workload.start(cluster.proxy.url, scenario.name, random.fork());
  try {
    const isTime = () => stage.turn < (scenario.least ?? 0) || performance.now() - since < FAULT_MINUTES * 60_000;
    while (stage.turn < FAULTS && isTime()) {
      await sleep(stage.random.int(50, 300));
      await scenario.fault(stage);
      stage.turn++;
    }
    await stage.end();
    await workload.finish();
  } finally {
    await workload[Symbol.asyncDispose]();
  }
  const { calls } = workload;
  const wrongs = await judge({ cluster, calls, outages: stage.outages, tolerates: scenario.tolerates });
  for (const ms of stage.takeovers) if (ms > TAKEOVER_MS) wrongs.push(`a takeover took ${Math.round(ms)} ms`);
  const summary = summaryOf(scenario.name, seed, stage, calls);
  console.info(wrongs.length === 0 ? summary : `${summary}\n${outagesOf(stage)}`);
  return { wrongs: wrongs.map((wrong) => wrong.slice(0, LONGEST)), takeovers: stage.takeovers };
}

function summaryOf(name: string, seed: number, stage: Stage, calls: readonly CallRecord[]): string {
  const { turn: made } = stage;
  const told = calls.filter((call) => call.told).length;
  const troubled = calls.filter(({ troubles }) => troubles.length > 0).length;
  const takeovers = stage.takeovers.map((ms) => Math.round(ms)).toSorted((a, b) => a - b);
  const longest = takeovers.length === 0 ? '' : `, ${takeovers.length} takeovers in at most ${takeovers.at(-1)} ms`;
  const early = made < FAULTS ? ` of ${FAULTS}: its time of ${FAULT_MINUTES} minutes was over` : '';
  return (
    `${name}: ${made} faults${early}, ${calls.length} calls, ${told} told their result, ${troubled} met trouble${longest}. ` +
    `Again: FAULT_SEED=${seed} FAULTS=${FAULTS} npx vitest run test/replicas -t '${name}'`
  );
}

const outagesOf = ({ outages }: Stage): string =>
  outages.map(({ what, from, to }) => `${new Date(from).toISOString()} ${what} for ${to - from} ms`).join('\n');
