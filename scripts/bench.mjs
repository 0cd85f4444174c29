/**
 * `npm run bench [-- NAME …] [--json FILE] [--quick]`: measures what docs/performance.md tells. It is a report: a missed
 * target is named at the end and does not fail it.
 * `npm run bench -- --url URL --key KEY`: drives a server that is installed somewhere, and starts nothing.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { build, install } from './set-up.mjs';
import { INSTALLED_OPTIONS, installedOptions } from '../test/load/installed-options.mjs';
import { Stage } from '../test/load/stage.mjs';

/** How often each benchmark gives each of its sides a turn, how long a turn is, and how much else it does. */
const BENCHMARKS = {
  core: { load: () => import('../test/load/core.mjs'), rounds: 7, seconds: 1 },
  key: { load: () => import('../test/load/key.mjs'), rounds: 7, seconds: 1 },
  access: { load: () => import('../test/load/access.mjs'), rounds: 7, seconds: 1 },
  agent: { load: () => import('../test/load/agent.mjs'), rounds: 5, seconds: 1.5 },
  latency: { load: () => import('../test/load/latency.mjs'), rounds: 5, seconds: 1.5 },
  start: { load: () => import('../test/load/start.mjs'), rounds: 5 },
  durable: { load: () => import('../test/load/durable.mjs'), rounds: 5, seconds: 1.5 },
  workflows: { load: () => import('../test/load/workflows.mjs'), rounds: 5, seconds: 1.5, takeovers: 3 },
  replicas: { load: () => import('../test/load/replicas.mjs'), rounds: 5, seconds: 1.5, idleSeconds: 20 },
  lag: { load: () => import('../test/load/lag.mjs'), tasks: 20, seconds: 6 },
  expressions: { load: () => import('../test/load/expressions.mjs'), rounds: 5, seconds: 1 },
  streams: { load: () => import('../test/load/streams.mjs'), streams: 5_000, tasks: 1_000, seconds: 25 },
};
/** Only shows that everything still runs. */
const QUICK = { rounds: 1, seconds: 0.2, idleSeconds: 1, streams: 500, tasks: 10, takeovers: 1 };

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, quick: { type: 'boolean', default: false }, ...INSTALLED_OPTIONS },
});
if (options.url !== undefined) {
  install();
  process.exit(await driveInstalled());
}
const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS);
const unknown = names.filter((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown.length > 0) {
  console.error(`No benchmark ${unknown.join(', ')}; there are ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exit(1);
}

install();
build();

const machine = {
  node: process.version,
  platform: process.platform,
  processors: cpus().length,
  model: cpus()[0]?.model,
};
console.log(`Node ${machine.node}, ${machine.platform}, ${machine.processors} × ${machine.model}`);
const benchmarks = {};
const missed = [];
for (const name of names) {
  const figures = await measure(name);
  benchmarks[name] = Object.fromEntries(figures.map(({ key, value }) => [key, value]));
  missed.push(...figures.filter(isMissed).map((figure) => `${name}: ${lineOf(figure)}`));
}
console.log(missed.length === 0 ? '\nEvery target was reached' : `\nMissed:\n${missed.join('\n')}`);
if (options.json !== undefined) {
  writeFileSync(options.json, `${JSON.stringify({ machine, benchmarks, missed: missed.length }, null, 2)}\n`);
}

/** @returns the exit code: 1 when something never went well */
async function driveInstalled() {
  try {
    const chosen = installedOptions(options);
    const { url, seconds, concurrency, requests } = chosen;
    console.log(
      `${url}: ${concurrency} callers at a time, each part for at most ${seconds} s and ${requests} requests`,
    );
    const { benchInstalled, linesOf } = await import('../test/load/installed.mjs');
    const report = await benchInstalled(chosen);
    console.log(linesOf(report).join('\n'));
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ url, parts: report }, null, 2)}\n`);
    return Object.values(report).every((part) => part.requests > 0) ? 0 : 1;
  } catch (error) {
    console.error(error.cause?.message ?? (error.message || error.code));
    return 1;
  }
}

async function measure(name) {
  const { load, ...amounts } = BENCHMARKS[name];
  const { title, run } = await load();
  console.log(`\n${name}: ${title}`);
  const stage = new Stage();
  const giveUp = () => void stage.close().finally(() => process.exit(1));
  process.once('SIGINT', giveUp).once('SIGTERM', giveUp);
  try {
    const figures = await run(stage, { ...amounts, ...(options.quick && QUICK) });
    for (const figure of figures) console.log(lineOf(figure));
    return figures;
  } finally {
    process.off('SIGINT', giveUp).off('SIGTERM', giveUp);
    await stage.close();
  }
}

function lineOf({ what, value, unit, atMost }) {
  const line = `  ${what.padEnd(52)}${value.toFixed(value < 100 ? 2 : 0).padStart(9)} ${unit}`;
  return atMost === undefined ? line : `${line.padEnd(68)}at most ${atMost}`;
}

function isMissed({ value, atMost }) {
  return atMost !== undefined && value > atMost;
}
