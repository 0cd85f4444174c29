import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { rows } from '../../support/database.js';
import { startServer, type TestServer } from '../../support/server.js';
import { until } from '../../support/until.js';
import { connected, signal, type WaitingRun } from './waiting-runs.js';

/** Until a process that has just started does nothing but what it always does; PostgreSQL counts up to 10 s late. */
const SETTLE_MS = 30_000;
/** What is done once a minute is done in it. */
const WINDOW_MS = 120_000;
const PATIENCE_MS = 10_000;

/** What a server uses by itself in some time. */
interface Use {
  readonly cpuMs: number;
  readonly transactions: number;
  /** PostgreSQL's, with its statements. */
  readonly activeMs: number;
}

/** What an idle server uses in the same time as one without any run, which is started for it. */
export async function besideAnEmptyServer(server: TestServer): Promise<{ readonly full: Use; readonly empty: Use }> {
  await using other = await startServer();
  await sleep(SETTLE_MS);
  const before = await Promise.all([usedBy(server), usedBy(other)]);
  await sleep(WINDOW_MS);
  const after = await Promise.all([usedBy(server), usedBy(other)]);
  const [full, empty] = after.map((use, n) => difference(use, before[n] ?? use)) as [Use, Use];
  return { full, empty };
}

/** After how many milliseconds each run has done its next step that is brought what it waits for, one after another. */
export async function signalTimes(server: TestServer, runs: readonly WaitingRun[]): Promise<number[]> {
  const client = await connected(server.databaseUrl);
  const times: number[] = [];
  for (const run of runs) {
    const sent = performance.now();
    await signal(server, run);
    await until(`${run.run} goes on`, async () => (await client.query(IS_DONE, [run.run])).rowCount === 1, PATIENCE_MS);
    times.push(performance.now() - sent);
  }
  await client.end();
  return times.toSorted((a, b) => a - b);
}

const IS_DONE = `select 1 from task_events
  where task_id = $1 and body ->> 'task' = '/do/1/done' and body ->> 'type' = 'io.serverlessworkflow.task.completed.v1'`;

async function usedBy({ pid, databaseUrl }: TestServer): Promise<Use> {
  const [row] = await rows(
    databaseUrl,
    `select xact_commit + xact_rollback as transactions, active_time from pg_stat_database where datname = current_database()`,
  );
  return { cpuMs: cpuMsOf(pid), transactions: Number(row?.transactions), activeMs: Number(row?.active_time) };
}

const difference = (a: Use, b: Use): Use => ({
  cpuMs: a.cpuMs - b.cpuMs,
  transactions: a.transactions - b.transactions,
  activeMs: a.activeMs - b.activeMs,
});

/** By the scheduler's clock, of all threads: exactly, where `times` counts in hundredths of a second. Linux only. */
function cpuMsOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6;
}
