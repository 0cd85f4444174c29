import { setTimeout as sleep } from 'node:timers/promises';
import { cardOf, register } from './agents.mjs';
import { median } from './figures.mjs';
import { canTellPss, descendants, pss } from './memory.mjs';

const AGENTS = 20;
const START_AT_MOST = 2;
const MEMORY_AT_MOST = 200;
const IDLE_MS = 3_000;

export const title = `From spawning the server to /readyz 200 on an embedded database with ${AGENTS} agents, and its memory when idle`;

export async function run(stage, { rounds }) {
  const dataDir = stage.dataDir();
  const first = await stage.server(dataDir);
  for (let n = 1; n <= AGENTS; n++) await register(first, { card: cardOf(`Agent ${n}`) });
  await first.stop();

  const seconds = [];
  let memory = [];
  for (let round = 1; round <= rounds; round++) {
    const spawned = performance.now();
    const server = await stage.server(dataDir);
    await ready(server);
    seconds.push((performance.now() - spawned) / 1_000);
    if (round === rounds) memory = await idleMemory(server);
    await server.stop();
  }
  return [
    {
      key: 'seconds',
      what: `start to ready, median of ${rounds}`,
      value: median(seconds),
      unit: 's',
      atMost: START_AT_MOST,
    },
    { key: 'bestSeconds', what: 'start to ready, best', value: Math.min(...seconds), unit: 's' },
    ...memory,
  ];
}

async function ready({ url }) {
  while (!(await fetch(`${url}/readyz`)).ok) await sleep(10);
}

async function idleMemory({ pid }) {
  if (!canTellPss) {
    console.log('  (memory is told on Linux only)');
    return [];
  }
  await sleep(IDLE_MS);
  const server = pss(pid);
  const postgres = descendants(pid).reduce((sum, child) => sum + pss(child), 0);
  return [
    { key: 'serverPss', what: 'idle memory (PSS), server', value: server, unit: 'MB', atMost: MEMORY_AT_MOST },
    { key: 'totalPss', what: 'idle memory (PSS), with PostgreSQL', value: server + postgres, unit: 'MB' },
  ];
}
