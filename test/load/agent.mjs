import { register } from './agents.mjs';
import { median } from './figures.mjs';
import { cpuPerCall, inTurns, ratioOf, warmUp } from './measure.mjs';
import { modernCall } from './requests.mjs';
import { KEY } from './stage.mjs';

const TEXT = 'How is the weather in Paris today?';

export const title =
  'A call through to the echo agent, CPU time of the server, beside that of a process that calls it directly with @a2a-js/sdk';

export async function run(stage, { rounds, seconds }) {
  const agents = await stage.demoAgents();
  const server = await stage.server();
  const load = await stage.own('http-load');
  const sdk = await stage.own('sdk-load');
  for (const slug of ['echo', 'echo-plain']) await register(server, { url: `${agents.url}/${slug}/`, slug });
  const timing = { callers: 8, seconds };
  const through = (slug) => {
    const request = modernCall(`${server.url}/mcp`, slug, { message: TEXT }, KEY);
    return [server, load, { request, expect: TEXT, ...timing }];
  };
  const direct = (slug, streamed) => [sdk, sdk, { agent: `${agents.url}/${slug}/`, text: TEXT, streamed, ...timing }];
  const sides = {
    streamed: through('echo'),
    directStreamed: direct('echo', true),
    plain: through('echo-plain'),
    directPlain: direct('echo-plain', false),
  };
  for (const [, generator, job] of Object.values(sides)) await warmUp(generator, job);
  const turns = Object.entries(sides).map(([side, parts]) => [side, () => cpuPerCall(...parts)]);
  const micros = await inTurns(rounds, Object.fromEntries(turns));
  return [
    { key: 'streamedMicros', what: 'through, streamed', value: median(micros.streamed), unit: 'µs' },
    { key: 'directStreamedMicros', what: 'direct, streamed', value: median(micros.directStreamed), unit: 'µs' },
    { key: 'plainMicros', what: 'through, plain', value: median(micros.plain), unit: 'µs' },
    { key: 'directPlainMicros', what: 'direct, plain', value: median(micros.directPlain), unit: 'µs' },
    {
      key: 'streamedRatio',
      what: 'streamed, through / direct',
      value: ratioOf(micros.streamed, micros.directStreamed),
      unit: '×',
    },
    { key: 'plainRatio', what: 'plain, through / direct', value: ratioOf(micros.plain, micros.directPlain), unit: '×' },
  ];
}
