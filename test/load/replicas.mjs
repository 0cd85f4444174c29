import { setTimeout as sleep } from 'node:timers/promises';
import { register } from './agents.mjs';
import { newDatabase, query } from './databases.mjs';
import { median } from './figures.mjs';
import { cpuPerCall, inTurns, ratioOf, warmUp } from './measure.mjs';
import { modernCall } from './requests.mjs';
import { KEY } from './stage.mjs';

const TEXT = 'How is the weather in Paris today?';
const CALLERS = 24;
const RATIO_AT_MOST = 1.15;
const IDLE_PERCENT_AT_MOST = 1;
const IDLE_TRANSACTIONS_AT_MOST = 5;
/** What a load leaves to do; PostgreSQL counts up to 10 s late. Before a load a process is still being compiled, which is not what it uses when idle. */
const SETTLE_MS = 15_000;

export const title = `Three replicas on one PostgreSQL and one Redis beside one that is alone: CPU time of all servers per call to echo, ${CALLERS} callers; and what they use when idle`;

export async function run(stage, { rounds, seconds, idleSeconds }) {
  const postgres = await stage.postgres();
  const agents = await stage.demoAgents();
  const load = await stage.own('http-load');
  const three = await cluster(stage, postgres, 3);
  const alone = await cluster(stage, postgres, 1);
  for (const { servers } of [three, alone]) await register(servers[0], { url: `${agents.url}/echo/`, slug: 'echo' });

  const jobFor = ({ servers }) => {
    const requests = servers.map(({ url }) => modernCall(`${url}/mcp`, 'echo', { message: TEXT }, KEY));
    return { requests, expect: TEXT, callers: CALLERS, seconds };
  };
  // Each replica of three gets a third of the calls.
  for (const side of [alone, three, three, three]) await warmUp(load, jobFor(side));
  const cost = (side) => () => cpuPerCall(side, load, jobFor(side));
  const micros = await inTurns(rounds, { alone: cost(alone), three: cost(three) });
  await sleep(SETTLE_MS);
  const idle = await idleFigures(three, idleSeconds);
  return [
    { key: 'oneMicros', what: 'CPU a call, one replica', value: median(micros.alone), unit: 'µs' },
    { key: 'threeMicros', what: 'CPU a call, three replicas together', value: median(micros.three), unit: 'µs' },
    {
      key: 'ratio',
      what: 'three replicas / one',
      value: ratioOf(micros.three, micros.alone),
      unit: '×',
      atMost: RATIO_AT_MOST,
    },
    ...idle,
  ];
}

/** Replicas with a database and a Redis of their own. */
async function cluster(stage, postgres, size) {
  const database = await newDatabase(postgres, `replicas_${size}`);
  const redis = await stage.redis();
  if (redis === undefined) console.log('  (without Redis: there is none here)');
  const servers = [];
  for (let n = 1; n <= size; n++) servers.push(await stage.replica(database, redis));
  const cpuMicros = async () => {
    const each = await Promise.all(servers.map((server) => server.cpuMicros()));
    return each.reduce((sum, micros) => sum + micros, 0);
  };
  return { database, servers, cpuMicros };
}

async function idleFigures({ database, servers, cpuMicros }, seconds) {
  const transactions = async () => {
    const sql = 'select xact_commit + xact_rollback as n from pg_stat_database where datname = current_database()';
    const [{ n }] = await query(database, sql);
    return Number(n);
  };
  const cpuBefore = await cpuMicros();
  const transactionsBefore = await transactions();
  await sleep(seconds * 1_000);
  const percent = ((await cpuMicros()) - cpuBefore) / 10_000 / seconds;
  const perSecond = ((await transactions()) - transactionsBefore) / seconds;
  return [
    {
      key: 'idlePercent',
      what: `an idle replica, ${seconds} s, of a core`,
      value: percent / servers.length,
      unit: '%',
      atMost: IDLE_PERCENT_AT_MOST,
    },
    {
      key: 'idleTransactions',
      what: 'an idle replica, transactions',
      value: perSecond / servers.length,
      unit: '/s',
      atMost: IDLE_TRANSACTIONS_AT_MOST,
    },
  ];
}
