import { setTimeout as sleep } from 'node:timers/promises';
import { cancelRun, newWorkflow, startRun } from './agents.mjs';
import { newDatabase, query } from './databases.mjs';

/** From then on a process may declare others dead. */
const JUDGES_AFTER_MS = 11_000;
const LOOK_MS = 20;
const PATIENCE_MS = 30_000;
/** One step after the other, for ever. */
const ENDLESS = [{ count: { set: { counted: true }, then: 'count' } }];

/** Kills whoever works on a run, so many times. @returns after how many milliseconds the other recorded its next step */
export async function takeoverTimes(stage, postgres, times) {
  const database = await newDatabase(postgres, 'takeovers');
  const replicas = [await stage.replica(database), await stage.replica(database)];
  await newWorkflow(replicas[0], 'endless', ENDLESS);
  const taken = [];
  for (let n = 0; n < times; n++) {
    await sleep(JUDGES_AFTER_MS);
    const run = await startRun(replicas[0], 'endless');
    const { name } = await until(
      database,
      `select e.name, t.last_seq from tasks t join executors e on e.id = t.executor
      where t.id = '${run}' and t.last_seq > 20`,
    );
    const dies = replicas.findIndex(({ pid }) => name.endsWith(`/${pid}`));
    const killed = performance.now();
    await replicas[dies].kill();
    const [{ last_seq: seq }] = await query(database, `select last_seq from tasks where id = '${run}'`);
    await until(database, `select 1 from tasks where id = '${run}' and last_seq > ${seq}`);
    taken.push(performance.now() - killed);
    await cancelRun(replicas[1 - dies], run);
    replicas[dies] = await stage.replica(database);
  }
  await Promise.all(replicas.map((replica) => replica.stop()));
  return taken;
}

async function until(database, sql) {
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await sleep(LOOK_MS)) {
    const [row] = await query(database, sql);
    if (row !== undefined) return row;
  }
  throw new Error(`Nothing came of it in ${PATIENCE_MS} ms: ${sql}`);
}
