import { cardOf, register } from './agents.mjs';
import { median } from './figures.mjs';
import { cpuPerCall, inTurns, ratioOf } from './measure.mjs';
import { legacyCall, modernCall } from './requests.mjs';
import { KEY } from './stage.mjs';

const AT_MOST = 1.8;
/** No such agent, so that the answer is one line and the call costs what the door costs. */
const NOBODY = { id: 'nobody' };
const SMALL = { id: 'small' };

export const title =
  'The whole server with API key and metrics, CPU time per tools/call of describe_agent (reaches no agent), 32 connections';

export async function run(stage, { rounds, seconds }) {
  const raw = await stage.own('raw-server');
  const server = await stage.server();
  const load = await stage.own('http-load');
  await register(server, { card: cardOf('Small'), slug: SMALL.id });
  const url = `${server.url}/mcp`;
  const modern = modernCall(url, 'describe_agent', NOBODY, KEY);
  const legacy = await legacyCall(url, 'describe_agent', NOBODY, KEY);
  const described = modernCall(url, 'describe_agent', SMALL, KEY);
  const job = (request, expect) => ({ request, expect, callers: 32, seconds });
  const micros = await inTurns(rounds, {
    raw: () => cpuPerCall(raw, load, job({ ...modern, url: raw.url }, NOBODY.id)),
    modern: () => cpuPerCall(server, load, job(modern, 'not_found')),
    legacy: () => cpuPerCall(server, load, job(legacy, 'not_found')),
    described: () => cpuPerCall(server, load, job(described, 'structuredContent')),
  });
  return [
    { key: 'rawMicros', what: 'node:http, JSON in, JSON out', value: median(micros.raw), unit: 'µs' },
    { key: 'modernMicros', what: 'modern, answered in one line', value: median(micros.modern), unit: 'µs' },
    { key: 'legacyMicros', what: 'legacy, in a session', value: median(micros.legacy), unit: 'µs' },
    { key: 'describedMicros', what: 'modern, answered with 1.4 kB', value: median(micros.described), unit: 'µs' },
    {
      key: 'modernRatio',
      what: 'modern / node:http',
      value: ratioOf(micros.modern, micros.raw),
      unit: '×',
      atMost: AT_MOST,
    },
    {
      key: 'legacyRatio',
      what: 'legacy / node:http',
      value: ratioOf(micros.legacy, micros.raw),
      unit: '×',
      atMost: AT_MOST,
    },
  ];
}
