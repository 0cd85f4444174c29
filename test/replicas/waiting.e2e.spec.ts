import { afterAll, beforeAll, expect, test } from 'vitest';
import { newDatabase, rows, type TestDatabase } from '../support/database.js';
import { startServer, type TestServer } from '../support/server.js';
import { until } from '../support/until.js';
import { multiplyRuns, startWaitingRuns, waitingRuns } from './support/waiting-runs.js';
import { besideAnEmptyServer, signalTimes } from './support/waiting-figures.js';

/** `npm run soak -- waiting` asks for 100,000. */
const MEASURES = process.env.WAITING !== undefined;
/** Runs that the product starts; the others are their copies. */
const STARTED = MEASURES ? 300 : 30;
const COPIES = Math.ceil(Number(process.env.WAITING ?? 500) / STARTED) - 1;
const RUNS = STARTED * (1 + COPIES);
const SIGNALLED = MEASURES ? 400 : 20;
const CPU_RATIO_AT_MOST = 1.2;
const TRANSACTIONS_RATIO_AT_MOST = 1.2;
const CONTINUED_WITHIN_MS = 200;

let database: TestDatabase;
let server: TestServer;
beforeAll(async () => {
  database = await newDatabase();
  await using first = await startServer({ env: { DATABASE_URL: database.url } });
  await startWaitingRuns(first, STARTED / 3);
  await first.stop();
  await multiplyRuns(database.url, COPIES);
  server = await startServer({ env: { DATABASE_URL: database.url } });
}, 900_000);
afterAll(async () => {
  await server.stop();
  await database[Symbol.asyncDispose]();
});

test('runs that wait hold nothing: each goes on when it is brought what it waits for, and all others stay as they are', async () => {
  const [{ waiting }] = (await rows(database.url, WAITING)) as [{ waiting: number }];
  expect(waiting).toBe(RUNS);
  if (MEASURES) await expectIdle();
  const events = await waitingRuns(database.url, 'event', SIGNALLED);
  const questions = await waitingRuns(database.url, 'person', SIGNALLED);
  const times = { event: await signalTimes(server, events), person: await signalTimes(server, questions) };
  await until('all of them are over', async () => {
    const [{ n }] = (await rows(database.url, ENDED)) as [{ n: number }];
    return n === 2 * SIGNALLED;
  });
  const wrong = `select count(*)::int as n from tasks t join workflow_runs r on r.run_id = t.id
      join task_artifacts a on a.task_id = t.id
      where t.state <> 'completed' or a.body #>> '{parts,0,data,order}' <> r.input ->> 'order'`;
  expect(await rows(database.url, wrong)).toEqual([{ n: 0 }]);
  expect(await rows(database.url, WAITING)).toEqual([{ waiting: RUNS - 2 * SIGNALLED }]);
  if (!MEASURES) return;
  for (const [kind, all] of Object.entries(times)) {
    const [p50, p95] = [0.5, 0.95].map((part) => all[Math.floor(all.length * part)] ?? NaN);
    console.info(`waiting: ${kind} to the next step of its run, with ${RUNS} waiting: p50 ${ms(p50)}, p95 ${ms(p95)}`);
    expect(p95).toBeLessThan(CONTINUED_WITHIN_MS);
  }
}, 900_000);

const ENDED = 'select count(*)::int as n from tasks where finished_at is not null';
/** As their runs left them: nobody has looked at them. */
const WAITING = `select count(*)::int as waiting from tasks
  where kind = 'workflow' and executor is null and finished_at is null and not woken
    and last_seq = case state when 'input-required' then 5 else 3 end`;

async function expectIdle(): Promise<void> {
  const { full, empty } = await besideAnEmptyServer(server);
  const ratios = Object.entries(full).map(([what, used]) => [what, used / empty[what as keyof typeof empty]] as const);
  console.info(`waiting: idle with ${RUNS} waiting ${JSON.stringify(full)}, without any ${JSON.stringify(empty)}`);
  const { cpuMs, transactions } = Object.fromEntries(ratios);
  expect(cpuMs).toBeLessThanOrEqual(CPU_RATIO_AT_MOST);
  expect(transactions).toBeLessThanOrEqual(TRANSACTIONS_RATIO_AT_MOST);
}

const ms = (value = NaN) => `${value.toFixed(0)} ms`;
