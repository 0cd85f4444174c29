import { register } from './agents.mjs';
import { countedServer } from './counting.mjs';
import { newDatabase } from './databases.mjs';
import { median } from './figures.mjs';
import { cpuPerCall, inTurns, perform, warmUp } from './measure.mjs';
import { agentCall, modernCall } from './requests.mjs';
import { KEY } from './stage.mjs';

const TEXT = 'How is the weather in Paris today?';
const COMMITS_AT_MOST = 2;
const STATEMENTS_AT_MOST = 3;
/** What a call may take longer than directly: two commits, and this. */
const ADDED_MS = 3;

/** The agent streams, and does not. */
const SLUGS = ['echo', 'echo-plain'];

export const title =
  'A call to the echo agent as a durable task: commits, statements, CPU time, and what it adds to the time of the call';

export async function run(stage, { rounds, seconds }) {
  const postgres = await stage.postgres();
  const agents = await stage.demoAgents();
  const load = await stage.own('http-load');
  const knowingAgents = async (server) => {
    for (const slug of SLUGS) await register(server, { url: `${agents.url}/${slug}/`, slug });
    return (slug) => ({ request: modernCall(`${server.url}/mcp`, slug, { message: TEXT }, KEY), expect: TEXT });
  };
  const scene = { stage, postgres, agents, load, knowingAgents };
  return [...(await counts(scene, seconds)), ...(await costs(scene, rounds, seconds))];
}

/** One call after the other, so that none shares a statement with another. */
async function counts({ stage, postgres, load, knowingAgents }, seconds) {
  const { server, counter } = await countedServer(stage, postgres);
  const callTo = await knowingAgents(server);
  const calls = (slug) => perform(load, { ...callTo(slug), callers: 1, seconds: 2 * seconds });
  for (const slug of SLUGS) await calls(slug);

  const counted = await counter();
  const figures = [];
  for (const slug of SLUGS) {
    const perCall = await counted(() => calls(slug));
    const figure = (what, atMost) => ({
      key: `${slug}.${what}`,
      what: `${slug}, ${what} a call`,
      value: perCall(what),
      unit: '',
      atMost,
    });
    figures.push(figure('commits', COMMITS_AT_MOST), figure('statements', STATEMENTS_AT_MOST));
  }
  await server.stop();
  return figures;
}

async function costs({ stage, postgres, agents, load, knowingAgents }, rounds, seconds) {
  const server = await stage.replica(await newDatabase(postgres, 'timed'));
  const committing = await stage.own('commit-load');
  const callTo = await knowingAgents(server);
  const eight = (slug) => ({ ...callTo(slug), callers: 8, seconds });
  for (const slug of SLUGS) await warmUp(load, eight(slug));
  const cost = (slug) => () => cpuPerCall(server, load, eight(slug));
  const micros = await inTurns(rounds, { streamed: cost('echo'), plain: cost('echo-plain') });

  const one = { callers: 1, seconds };
  const through = (slug) => () => perform(load, { ...callTo(slug), ...one });
  const direct = (slug, isStreamed) => () =>
    perform(load, { request: agentCall(`${agents.url}/${slug}/`, TEXT, isStreamed), expect: TEXT, ...one });
  const times = await inTurns(rounds, {
    commit: () => perform(committing, { url: postgres.url, ...one }),
    streamed: through('echo'),
    directStreamed: direct('echo', true),
    plain: through('echo-plain'),
    directPlain: direct('echo-plain', false),
  });
  /** From the quietest round of each: what else the machine does only ever adds. */
  const p50 = (side) => Math.min(...times[side].map((result) => result.p50));
  const atMost = Math.round((2 * p50('commit') + ADDED_MS) * 100) / 100;
  const added = (side, beside) => ({ value: p50(side) - p50(beside), unit: 'ms', atMost });
  return [
    { key: 'streamedMicros', what: 'CPU of the server a call, streamed', value: median(micros.streamed), unit: 'µs' },
    { key: 'plainMicros', what: 'CPU of the server a call, not streamed', value: median(micros.plain), unit: 'µs' },
    { key: 'commit', what: 'a commit, one client, p50', value: p50('commit'), unit: 'ms' },
    { key: 'streamedAdded', what: 'one caller, streamed, p50 added', ...added('streamed', 'directStreamed') },
    { key: 'plainAdded', what: 'one caller, not streamed, p50 added', ...added('plain', 'directPlain') },
  ];
}
