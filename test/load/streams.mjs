import { setTimeout as sleep } from 'node:timers/promises';
import { newKey, register, startTicking } from './agents.mjs';
import { newDatabase } from './databases.mjs';
import { canTellPss, pss } from './memory.mjs';
import { perform } from './measure.mjs';

/** Below what the door allows one caller. */
const STREAMS_PER_CALLER = 900;
const EVERY_MS = 1_000;
const ONE_SLOW_IN = 10;
const STARTED_AT_ONCE = 20;
/** Files that a server has open beside its streams. */
const OTHER_FILES = 2_000;

export const title =
  'WebSocket streams of one server, each with an event a second of a task in PostgreSQL; one reader in ten reads every 5 s';

export async function run(stage, { streams: wanted, tasks, seconds }) {
  const streams = Math.min(wanted, mostStreams());
  if (streams < wanted) console.log(`  (not ${wanted} streams: too few open files are allowed here)`);
  const postgres = await stage.postgres();
  const ticker = await stage.own('ticker-server');
  const server = await stage.replica(await newDatabase(postgres, 'streams'));
  const load = await stage.own('stream-load');
  await register(server, { url: ticker.url, slug: 'ticker' });
  const owned = await startTasks(server, { tasks, callers: Math.ceil(streams / STREAMS_PER_CALLER) });
  const memoryBefore = pss(server.pid);

  const opening = performance.now();
  const open = Array.from({ length: streams }, (_, n) => {
    const { task, key } = owned[n % owned.length];
    return { url: `${server.stream}/stream?requestId=${task}`, key, isSlow: n % ONE_SLOW_IN === 0 };
  });
  await perform(load, { open });
  const openSeconds = (performance.now() - opening) / 1_000;

  const cpuBefore = await cpuOf(server, load);
  const started = performance.now();
  await load.ask('measure');
  await sleep(Math.max(seconds * 1_000, 2 * EVERY_MS));
  const cpuAfter = await cpuOf(server, load);
  const [percent, readersPercent] = cpuAfter.map(
    (micros, n) => (micros - cpuBefore[n]) / (performance.now() - started) / 10,
  );
  const kilobytes = ((pss(server.pid) - memoryBefore) * 1_024) / streams;
  ticker.tell('stop');
  const { p50, p99, events } = await perform(load, 'finish');
  return [
    { key: 'streams', what: `streams, on ${tasks} tasks`, value: streams, unit: '' },
    { key: 'openedPerSecond', what: 'streams opened', value: streams / openSeconds, unit: '/s' },
    { key: 'events', what: 'events to readers that are not slow', value: events, unit: '' },
    { key: 'p50', what: 'from the agent to the reader, p50', value: p50, unit: 'ms' },
    { key: 'p99', what: 'from the agent to the reader, p99', value: p99, unit: 'ms' },
    { key: 'percent', what: 'CPU of the server, of a core', value: percent, unit: '%' },
    { key: 'readersPercent', what: 'CPU of the readers, of a core', value: readersPercent, unit: '%' },
    ...(canTellPss
      ? [{ key: 'kilobytes', what: 'memory (PSS) of the server, a stream', value: kilobytes, unit: 'kB' }]
      : []),
  ];
}

const cpuOf = (...programs) => Promise.all(programs.map((program) => program.cpuMicros()));

/** Tasks of several callers that tick until they are stopped. */
async function startTasks(server, { tasks, callers }) {
  const keys = await Promise.all(Array.from({ length: callers }, () => newKey(server)));
  const owned = [];
  let left = tasks;
  const startNext = async () => {
    while (left-- > 0) {
      const key = keys[left % keys.length];
      owned.push({ key, task: await startTicking(server, { everyMs: EVERY_MS }, key) });
    }
  };
  await Promise.all(Array.from({ length: STARTED_AT_ONCE }, startNext));
  return owned;
}

/** Node raises its own limit to the hard one. */
function mostStreams() {
  const { hard } = process.report.getReport().userLimits.open_files;
  return hard === 'unlimited' ? Infinity : hard - OTHER_FILES;
}
