import { register } from './agents.mjs';
import { inTurns, perform, warmUp } from './measure.mjs';
import { agentCall, modernCall } from './requests.mjs';
import { KEY } from './stage.mjs';

const TEXT = 'How is the weather in Paris today?';
const LOAD = 0.3;

export const title =
  'What the server adds to the time of a call to the echo agent (streamed), with one caller and at 30 % load';

export async function run(stage, { rounds, seconds }) {
  const agents = await stage.demoAgents();
  const server = await stage.server();
  const load = await stage.own('http-load');
  const sdk = await stage.own('sdk-load');
  const agent = `${agents.url}/echo/`;
  await register(server, { url: agent, slug: 'echo' });
  const request = modernCall(`${server.url}/mcp`, 'echo', { message: TEXT }, KEY);

  /** The three ways to the same agent; the second has the same light client as the first. */
  const ways = (timing) => ({
    through: () => perform(load, { request, expect: TEXT, ...timing }),
    direct: () => perform(load, { request: agentCall(agent, TEXT, true), expect: TEXT, ...timing }),
    sdk: () => perform(sdk, { agent, text: TEXT, streamed: true, ...timing }),
  });
  await warmUp(load, { request, expect: TEXT, callers: 8, seconds });
  const saturating = await inTurns(3, { through: ways({ callers: 32, seconds }).through });
  const perSecond = Math.max(...saturating.through.map((result) => result.perSecond));
  const one = await inTurns(rounds, ways({ callers: 1, seconds }));
  const many = await inTurns(rounds, ways({ rate: perSecond * LOAD, seconds }));
  return [
    ...figures('one', 'one caller', one),
    { key: 'saturation', what: 'most calls a second through the server (32 callers)', value: perSecond, unit: '/s' },
    ...figures('loaded', '30 % load', many),
  ];
}

/** From the quietest round of each: what else the machine does only ever adds. */
function figures(key, what, { through, direct, sdk }) {
  return ['p50', 'p99'].flatMap((part) => {
    const best = (rounds) => Math.min(...rounds.map((result) => result[part]));
    const added = best(through) - best(direct);
    return [
      { key: `${key}.${part}.through`, what: `${what}, ${part} through the server`, value: best(through), unit: 'ms' },
      { key: `${key}.${part}.direct`, what: `${what}, ${part} direct`, value: best(direct), unit: 'ms' },
      { key: `${key}.${part}.sdk`, what: `${what}, ${part} direct with @a2a-js/sdk`, value: best(sdk), unit: 'ms' },
      { key: `${key}.${part}.added`, what: `${what}, ${part} added by the server`, value: added, unit: 'ms' },
    ];
  });
}
