import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from './support/random.js';
import { startAgents, type TestAgents } from './support/agents.js';
import { rows } from './support/database.js';
import { startServer, type TestServer } from './support/server.js';
import { asAdmin, openSocket, type WsClient } from './support/ws-client.js';

const MESSAGES = 1_500;
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1e9);

const METHODS =
  'list_agents describe_agent open_session close_session invoke_agent handoff cancel get_status subscribe unsubscribe authenticate ping toString __proto__'.split(
    ' ',
  );
const FIELDS =
  'id agentId toAgentId capability input payload message data files requestId fromRequestId sessionId idempotencyKey from search tags key __proto__'.split(
    ' ',
  );
/** What databases and encoders stumble over. */
const POISON = [
  'a\u0000b',
  '\ud800',
  'echo',
  '*',
  '',
  'x'.repeat(500),
  "'; drop table agents; --",
  '{"a":1}',
  '${jndi}',
];

let server: TestServer;
let agents: TestAgents;
beforeAll(async () => {
  [server, agents] = await Promise.all([startServer(), startAgents()]);
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') });
});
afterAll(async () => {
  await server.stop();
  await agents[Symbol.asyncDispose]();
});

/** Any JSON value; some are what would be right elsewhere. */
function anything(random: Random, depth = 0): unknown {
  const simple = [null, true, 0, -1, 1e308, crypto.randomUUID(), ...POISON];
  if (depth > 3 || random.chance(0.6)) return random.pick(simple);
  const items = Array.from({ length: random.int(0, 4) }, () => anything(random, depth + 1));
  return random.chance(0.4) ? items : Object.fromEntries(items.map((item) => [random.pick(FIELDS), item]));
}

/** The right shape with the wrong words. */
function wellShaped(random: Random): object {
  const word = () => random.pick(POISON);
  const id = () => random.pick([crypto.randomUUID(), word()]);
  const input = { message: word(), data: { [word()]: word() } };
  const invocation = { agentId: 'echo', capability: random.pick(['', word()]), input, idempotencyKey: word() };
  return random.pick<object>([
    { method: 'invoke_agent', params: invocation },
    { method: 'invoke_agent', params: { agentId: word(), input, sessionId: id(), requestId: id() } },
    {
      method: 'invoke_agent',
      params: { agentId: 'echo', input: { files: [{ data: 'AAAA', name: word(), mime: word() }] } },
    },
    { method: 'handoff', params: { fromRequestId: id(), toAgentId: 'echo', payload: { message: word() } } },
    { method: 'subscribe', params: { requestId: id(), from: random.pick([0, 7, 1e15, 2 ** 53]) } },
    { method: random.pick(['cancel', 'get_status']), params: { requestId: id() } },
    { method: random.pick(['open_session', 'close_session']), params: { sessionId: id() } },
    { method: 'list_agents', params: { search: word(), category: word(), tags: [word()] } },
    { method: 'describe_agent', params: { id: word() } },
  ]);
}

function message(random: Random, id: number): unknown {
  if (random.chance(0.5)) return { jsonrpc: '2.0', id, ...wellShaped(random) };
  const params = Object.fromEntries(
    Array.from({ length: random.int(0, 5) }, () => [random.pick(FIELDS), anything(random)]),
  );
  const whole = { jsonrpc: '2.0', id, method: random.pick(METHODS), params };
  if (random.chance(0.1)) return { ...whole, [random.pick(['jsonrpc', 'method', 'params'])]: anything(random) };
  return whole;
}

/** Cut, or with a character too many. */
function broken(random: Random, text: string): string {
  const at = random.int(0, text.length - 1);
  return random.chance(0.5)
    ? text.slice(0, at)
    : `${text.slice(0, at)}${random.pick(['"', '{', ',', '\\'])}${text.slice(at)}`;
}

async function say(client: WsClient, random: Random, id: number): Promise<void> {
  const one = message(random, id);
  if (random.chance(0.1)) return client.send(broken(random, JSON.stringify(one)));
  if (random.chance(0.05)) return client.send(JSON.stringify([one, anything(random)]));
  client.send(JSON.stringify(one));
  const answer = await client.next((received) => received['id'] === id);
  const { error } = answer as { error?: { code: number; message: string } };
  expect([undefined, -32600, -32601, -32602, -32000], JSON.stringify({ one, answer })).toContain(error?.code);
  expect(error?.message, JSON.stringify({ one, answer })).not.toBe('');
}

test(`nothing that is said breaks anything (FUZZ_SEED=${SEED})`, { timeout: 60_000 }, async () => {
  const random = new Random(SEED);
  for (let id = 0; id < MESSAGES;) {
    // `authenticate` with wrong keys ends a connection.
    await using client = await openSocket(server.streamUrl, asAdmin);
    for (const last = id + 50; id < last; id++) await say(client, random, id);
    expect(await client.call('ping')).toBeDefined();
  }
  expect(server.logs.filter(({ level }) => level === 'ERROR')).toEqual([]);
  expect(await rows(server.databaseUrl, 'select slug from agents')).toEqual([{ slug: 'echo' }]);
});

test(`whatever the address, it is answered or refused (FUZZ_SEED=${SEED})`, async () => {
  const random = new Random(SEED);
  for (let i = 0; i < 150; i++) {
    const query = new URLSearchParams(
      Array.from({ length: random.int(0, 3) }, (): [string, string] => [
        random.pick(['requestId', 'from', 'ticket', 'key', 'other']),
        String(anything(random)).replaceAll('\ud800', ''),
      ]),
    );
    await using client = await openSocket(`${server.streamUrl}${random.pick(['/', '/stream'])}?${query.toString()}`);
    const greeted = client.next(({ type }) => type === 'hello').then(() => 1000);
    const code = await Promise.race([greeted, client.closed.then((end) => end.code)]).catch(() =>
      client.closed.then((end) => end.code),
    );
    expect([1000, 4400, 4401], query.toString()).toContain(code);
  }
  expect(server.logs.filter(({ level }) => level === 'ERROR')).toEqual([]);
});
