/** `npm run bench -- --url U --key K`: what an installed server does for its callers, from where they are. */
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from './figures.mjs';
import { InstalledClient } from './installed-client.mjs';

/** Looking for an agent that answers ends after so many. */
const TRIED_AGENTS = 20;
/** A caller that was refused does not come back at once. */
const AFTER_ERROR_MS = 100;

/** @param options of `installedOptions`. @returns for each part its figures, and errors by what they were */
export async function benchInstalled(options) {
  const client = new InstalledClient(options);
  try {
    const agent = options.agent ?? (await answeringAgent(client, options.message));
    const parts = {
      'tools/list': () => client.listTools(),
      [`call of ${agent}`]: () => client.ask(agent, options.message),
      [`WebSocket follow of ${agent}`]: () => client.follow(agent, options.message),
    };
    const report = {};
    for (const [name, once] of Object.entries(parts)) report[name] = await repeat(once, options);
    return report;
  } finally {
    await client.close();
  }
}

/** The first of those that this key may call and that says something. */
async function answeringAgent(client, message) {
  const { structuredContent } = await client.callTool('list_agents', {});
  const agents = structuredContent.agents.slice(0, TRIED_AGENTS).map(({ id }) => id);
  for (const agent of agents) {
    const answers = await client.ask(agent, message).then(
      () => true,
      () => false,
    );
    if (answers) return agent;
  }
  throw new Error(
    agents.length === 0
      ? 'This key may call no agent; name one with --agent'
      : `None of these answered: ${agents.join(', ')}; name another with --agent`,
  );
}

/** So many callers, each with one request after the other, until the time or the number is reached. */
async function repeat(once, { seconds, concurrency, requests }) {
  const started = performance.now();
  const end = started + seconds * 1_000;
  const latencies = [];
  const errors = {};
  let left = requests;
  const caller = async () => {
    while (performance.now() < end && left-- > 0) {
      const sent = performance.now();
      try {
        await once();
        latencies.push(performance.now() - sent);
      } catch (error) {
        const what = error.code ?? error.message;
        errors[what] = (errors[what] ?? 0) + 1;
        await sleep(AFTER_ERROR_MS);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const elapsed = (performance.now() - started) / 1_000;
  const figures = Object.fromEntries([50, 95, 99].map((part) => [`p${part}`, percentile(latencies, part / 100)]));
  return { requests: latencies.length, perSecond: latencies.length / elapsed, ...figures, errors };
}

/** One line for each part, and one for each kind of error. */
export function linesOf(report) {
  return Object.entries(report).flatMap(([name, { requests, perSecond, p50, p95, p99, errors }]) => [
    `${name}: ${requests} in all, ${perSecond.toFixed(1)} a second, ` +
      (requests === 0 ? 'none went well' : `p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}`),
    ...Object.entries(errors).map(([what, count]) => `  ${count} × ${what}`),
  ]);
}

const ms = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
