import { request } from 'node:http';
import type { Random } from '../random.js';
import { garbage, garbageObject, garbageText, brokenJson, UNKNOWN_KEY, wrongId } from './garbage.js';
import { BODIES, IDS, LISTS, PARAMETERS } from './rest-routes.js';
import type { Verdict } from './verdict.js';

/** What is known to be there and belongs to somebody else. */
export interface Victims {
  readonly task: string;
  readonly session: string;
}

interface Case {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  /** It only asks, and may be answered. */
  readonly mayAnswer?: boolean;
}

/** More than any request may have. */
export const HUGE = 5 << 20;
const LOST = JSON.stringify({ code: 'too_large', detail: 'the connection broke' });

const MAKERS: ((random: Random, victims: Victims) => Case)[] = [
  /** A body that is none. */
  (random, victims) => {
    const [method, path] = bodyRoute(random, victims);
    return { method, path, body: brokenJson(random) };
  },
  /** JSON, but not that. */
  (random, victims) => {
    const [method, path] = bodyRoute(random, victims);
    const value = garbage(random);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return { method, path, body: JSON.stringify(isObject ? { ...value, [UNKNOWN_KEY]: 1 } : (value ?? [])) };
  },
  /** One field is of the wrong type, or unknown. */
  (random, victims) => {
    const route = random.pick(Object.keys(BODIES));
    const { valid, wrong } = BODIES[route] ?? { valid: {}, wrong: {} };
    const name = random.pick([...Object.keys(wrong), UNKNOWN_KEY]);
    const [method, path] = split(filled(route, random, victims));
    return { method, path, body: JSON.stringify({ ...valid, [name]: wrong[name]?.(random) ?? null }) };
  },
  /** Strange words where words belong, of things that are not there. */
  (random) => {
    const text = random.pick([garbageText(random), '\u0000', 'x\ud800']);
    const unknown = random.pick([
      { contextId: text },
      { sessionId: text },
      { agent: text },
      { files: [{ uri: text }] },
    ]);
    return {
      method: 'POST',
      path: '/api/v1/tasks',
      body: JSON.stringify({ agent: 'echo', message: text, ...unknown }),
    };
  },
  (random) => ({ method: 'POST', path: '/api/v1/agents', body: JSON.stringify({ card: garbageObject(random) }) }),
  /** Too much. */
  (random, victims) => {
    const [method, path] = bodyRoute(random, victims);
    return { method, path, body: JSON.stringify({ message: 'x'.repeat(HUGE) }) };
  },
  /** Ids of nobody, and of somebody else. */
  (random, victims) => {
    const [method, path] = split(filled(random.pick(IDS), random, victims));
    return { method, path };
  },
  /** Whatever can be asked for. */
  (random) => {
    const query = PARAMETERS.filter(() => random.chance(0.3)).map(
      (name) => `${name}=${encodeURIComponent(wellFormed(garbageText(random)))}`,
    );
    return { method: 'GET', path: `/api/v1/${random.pick(LISTS)}?${query.join('&')}`, mayAnswer: true };
  },
  /** Nobody, or somebody who says strange things. */
  (random, victims) => {
    const [method, path] = bodyRoute(random, victims);
    const authorization = random.pick(['', 'Bearer', 'Bearer x', 'Basic eDp5', `Bearer ${'x'.repeat(8_000)}`, 'a2a']);
    return { method, path, body: '{}', headers: { authorization } };
  },
  /** Headers that mean something here. */
  (random) => {
    const name = random.pick([
      'if-none-match',
      'if-match',
      'prefer',
      'last-event-id',
      'range',
      'accept',
      'x-api-key',
      'cookie',
      'x-forwarded-for',
    ]);
    const value = random.pick([
      '',
      '*',
      ',,,',
      '"',
      'wait=-1',
      'wait=1e9',
      'bytes=9-1',
      'bytes=-',
      '-1',
      'x'.repeat(4_000),
    ]);
    return { method: 'GET', path: `/api/v1/${random.pick(LISTS)}`, headers: { [name]: value }, mayAnswer: true };
  },
  (random) => {
    const headers = { 'idempotency-key': 'k'.repeat(random.int(201, 2_000)) };
    return { method: 'POST', path: '/api/v1/tasks', body: '{"agent":"echo","message":"x"}', headers };
  },
  (random, victims) => {
    const [method, path] = bodyRoute(random, victims);
    const type = random.pick([
      'text/plain',
      'application/xml',
      'multipart/form-data',
      'application/json;charset=utf-16',
      'x',
      '',
    ]);
    return { method, path, body: JSON.stringify({ [UNKNOWN_KEY]: 1 }), headers: { 'content-type': type } };
  },
  /** Ways that are none. */
  (random) => ({
    method: random.pick(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']),
    path: `/api/v1/${random.pick([...LISTS, 'nothing', ''])}`,
    body: JSON.stringify(garbageObject(random)),
  }),
];

export async function tryRest(url: string, key: string, random: Random, victims: Victims): Promise<Verdict> {
  const tried = random.pick(MAKERS)(random, victims);
  const what = `${tried.method} ${tried.path} ${JSON.stringify(tried.headers ?? {})} ${tried.body ?? ''}`;
  const { status, text } = await exchange(url, key, tried);
  const isRefused = status >= 400 && status < 500 && isProblem(text);
  const isFine = isRefused || (tried.mayAnswer === true && status >= 200 && status < 400);
  return { what, wrong: isFine ? '' : `${status} ${text}` };
}

/** Says what kind of error it is, and what is wrong. */
function isProblem(text: string): boolean {
  if (text === '') return false;
  const { code, detail } = JSON.parse(text) as { code?: unknown; detail?: unknown };
  return typeof code === 'string' && typeof detail === 'string' && detail.length > 5;
}

function exchange(
  url: string,
  key: string,
  { method, path, body, headers }: Case,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const all = { authorization: `Bearer ${key}`, ...json, ...length, ...headers };
    const { hostname, port } = new URL(url);
    const outgoing = request({ hostname, port, path, method, headers: all }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      incoming.once('error', reject);
    });
    // Refused by its length, before all of it was sent: the answer may be lost with the connection.
    outgoing.once('error', (error) =>
      (body?.length ?? 0) < HUGE ? reject(error) : resolve({ status: 413, text: LOST }),
    );
    outgoing.end(body);
  });
}

const bodyRoute = (random: Random, victims: Victims) =>
  split(filled(random.pick(Object.keys(BODIES)), random, victims));

function filled(route: string, random: Random, { task, session }: Victims): string {
  const either = (theirs: string) => (random.chance(0.5) ? theirs : wrongId(random));
  return route
    .replace(':task', () => either(task))
    .replace(':session', () => either(session))
    .replace(':wrong', () => wrongId(random));
}

function split(route: string): [method: string, path: string] {
  const [method = '', path = ''] = route.split(' ');
  return [method, path];
}

/** `encodeURIComponent` does not take lone surrogates. */
const wellFormed = (text: string): string => text.replaceAll(/[\ud800-\udfff]/g, '\ufffd');
