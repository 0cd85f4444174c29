import { cardOf, register } from './agents.mjs';
import { newDatabase, query } from './databases.mjs';
import { median } from './figures.mjs';
import { cpuPerCall, inTurns, ratioOf } from './measure.mjs';
import { modernCall, modernList } from './requests.mjs';
import { KEY } from './stage.mjs';

const AGENTS = 100;
const SKILLS = 9;
const GRANTS = 10_000;
/** So many agents the caller may see: 50 tools of 1,000. */
const GRANTED = 5;
const LISTS = 60;
const DOOR_AT_MOST = 2;
const LIST_AT_MOST_MS = 5;
const NOBODY = { id: 'nobody' };

export const title =
  'The whole door: key, permissions (10,000 grants, 1,000 tools), rate limits and audit, CPU time per tools/call, 32 connections';

export async function run(stage, { rounds, seconds }) {
  const raw = await stage.own('raw-server');
  const postgres = await stage.postgres();
  const redis = await stage.redis();
  const load = await stage.own('http-load');
  const database = await newDatabase(postgres, 'access');
  const server = await stage.replica(database);
  const member = await populate(server, database);
  const shared = redis && (await stage.replica(database, redis));
  const callAt = ({ url }) => modernCall(`${url}/mcp`, 'describe_agent', NOBODY, member);
  const job = (request, expect) => ({ request, expect, callers: 32, seconds });
  const micros = await inTurns(rounds, {
    raw: () => cpuPerCall(raw, load, job({ ...callAt(server), url: raw.url }, NOBODY.id)),
    door: () => cpuPerCall(server, load, job(callAt(server), 'not_found')),
    ...(shared && { redis: () => cpuPerCall(shared, load, job(callAt(shared), 'not_found')) }),
  });
  return [
    { key: 'rawMicros', what: 'node:http, JSON in, JSON out', value: median(micros.raw), unit: 'µs' },
    { key: 'doorMicros', what: 'the whole door', value: median(micros.door), unit: 'µs' },
    {
      key: 'doorRatio',
      what: 'the whole door / node:http',
      value: ratioOf(micros.door, micros.raw),
      unit: '×',
      atMost: DOOR_AT_MOST,
    },
    ...(shared
      ? [
          { key: 'redisMicros', what: 'with limits in Redis', value: median(micros.redis), unit: 'µs' },
          {
            key: 'redisRatio',
            what: 'with limits in Redis / node:http',
            value: ratioOf(micros.redis, micros.raw),
            unit: '×',
          },
        ]
      : []),
    {
      key: 'listMs',
      what: `tools/list of ${GRANTED * (SKILLS + 1)} of ${AGENTS * (SKILLS + 1)} tools, warm, p50`,
      value: await listMillis(server, member),
      unit: 'ms',
      atMost: LIST_AT_MOST_MS,
    },
  ];
}

/** Agents, grants of others, and one caller. @returns its key */
async function populate(server, database) {
  const skillOf = (n) => ({ id: `skill-${n}`, name: `Skill ${n}`, description: 'Answers a question.', tags: ['qa'] });
  const skills = Array.from({ length: SKILLS }, (_, n) => skillOf(n));
  for (let n = 0; n < AGENTS; n++)
    await register(server, { card: { ...cardOf(`Agent ${n}`), skills }, slug: `agent-${n}` });
  await query(
    database,
    `insert into grants (subject_kind, subject, effect, actions, resources, created_by)
     select 'principal', 'user:' || n / 10, 'allow', '{agents:call}',
       jsonb_build_array(jsonb_build_object('agent', (select id from agents where slug = 'agent-' || n % ${AGENTS}))), 'bench'
     from generate_series(1, ${GRANTS}) as n`,
  );
  const { key, principal } = await post(server, 'api-keys', { name: 'member' });
  const resources = Array.from({ length: GRANTED }, (_, n) => ({ agent: `agent-${n}` }));
  await post(server, 'permissions/grants', { principal, actions: ['agents:call'], resources });
  return key;
}

/** One after the other; the first ones make the list. */
async function listMillis(server, key) {
  const { url, headers, body } = modernList(`${server.url}/mcp`, key);
  const millis = [];
  for (let n = 0; n < LISTS; n++) {
    const began = performance.now();
    const answer = await (await fetch(url, { method: 'POST', headers, body })).json();
    millis.push(performance.now() - began);
    const agents = answer.result.tools.filter(({ name }) => name.startsWith('agent-')).length;
    if (agents !== GRANTED * (SKILLS + 1)) throw new Error(`${agents} tools were listed`);
  }
  return median(millis.slice(LISTS / 3));
}

async function post(server, what, body) {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const response = await fetch(`${server.url}/api/v1/${what}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`No ${what}: ${await response.text()}`);
  return response.json();
}
