import { median } from './figures.mjs';
import { cpuPerCall, inTurns, ratioOf } from './measure.mjs';
import { legacyCall, modernCall } from './requests.mjs';

const ARGS = { message: 'How is the weather in Paris today?' };
const AT_MOST = 1.25;

export const title = 'MCP protocol core on node:http, CPU time of the server per tools/call, 32 connections';

export async function run(stage, { rounds, seconds }) {
  const raw = await stage.own('raw-server');
  const mcp = await stage.own('core-server');
  const load = await stage.own('http-load');
  const modern = modernCall(mcp.url, 'echo', ARGS);
  const legacy = await legacyCall(mcp.url, 'echo', ARGS);
  const job = (request) => ({ request, expect: ARGS.message, callers: 32, seconds });
  const micros = await inTurns(rounds, {
    raw: () => cpuPerCall(raw, load, job({ ...modern, url: raw.url })),
    modern: () => cpuPerCall(mcp, load, job(modern)),
    legacy: () => cpuPerCall(mcp, load, job(legacy)),
  });
  return [
    { key: 'rawMicros', what: 'node:http, JSON in, JSON out', value: median(micros.raw), unit: 'µs' },
    { key: 'modernMicros', what: 'modern', value: median(micros.modern), unit: 'µs' },
    { key: 'legacyMicros', what: 'legacy, in a session', value: median(micros.legacy), unit: 'µs' },
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
