import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newDatabase, rows, type TestDatabase } from './support/database.js';
import { hasRedis, RedisServer } from './support/redis-server.js';
import { startServer, type TestServer } from './support/server.js';
import { until } from './support/until.js';

interface SessionView {
  sessionId: string;
  contexts: Record<string, string>;
  createdAt: string;
  lastUsedAt: string;
  expiresAt: string;
}

const SESSIONS = '/api/v1/sessions';
const DAY_MS = 86_400_000;

const open = (server: TestServer, body?: object) => server.json<SessionView>(201, 'POST', SESSIONS, body);
const status = async (server: TestServer, method: string, id: string, headers = {}) =>
  (await server.call(method, `${SESSIONS}/${id}`, undefined, headers)).status;
const otherCaller = async (server: TestServer) => {
  const { key } = await server.json<{ key: string }>(201, 'POST', '/api/v1/api-keys', {
    name: 'other',
    roles: ['operator'],
  });
  return { authorization: `Bearer ${key}` };
};
/** As if nobody had used it for so long. */
const age = (server: TestServer, id: string, hours: number) =>
  rows(server.databaseUrl, `update sessions set last_used_at = now() - interval '${hours} hours' where id = '${id}'`);

describe('a session', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());

  test('is opened, read, listed and closed', async () => {
    const response = await server.call('POST', SESSIONS);
    expect(response.status).toBe(201);
    const session = (await response.json()) as SessionView;
    expect(response.headers.get('location')).toBe(`${SESSIONS}/${session.sessionId}`);
    expect(session).toMatchObject({ sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/), contexts: {} });
    expect(Date.parse(session.expiresAt) - Date.parse(session.lastUsedAt)).toBe(DAY_MS);
    expect(await server.json(200, 'GET', `${SESSIONS}/${session.sessionId}`)).toEqual(session);
    expect((await server.json<{ items: SessionView[] }>(200, 'GET', SESSIONS)).items).toEqual([session]);

    expect(await status(server, 'DELETE', session.sessionId)).toBe(204);
    expect(await status(server, 'GET', session.sessionId)).toBe(404);
    expect(await status(server, 'DELETE', session.sessionId)).toBe(404);
    expect((await server.json<{ items: SessionView[] }>(200, 'GET', SESSIONS)).items).toEqual([]);
  });

  test('has the id its caller chose, and is the same one the next time', async () => {
    const sessionId = randomUUID();
    const first = await open(server, { sessionId });
    const again = await open(server, { sessionId });
    expect(again).toMatchObject({ sessionId, createdAt: first.createdAt });
    expect(await status(server, 'DELETE', sessionId)).toBe(204);
    const closed = await server.json<{ code: string; detail: string }>(409, 'POST', SESSIONS, { sessionId });
    expect(closed).toMatchObject({ code: 'conflict', detail: expect.stringContaining(sessionId) });
  });

  test('of somebody else does not exist', async () => {
    const other = await otherCaller(server);
    const { sessionId } = await open(server);
    expect(await status(server, 'GET', sessionId, other)).toBe(404);
    expect(await status(server, 'DELETE', sessionId, other)).toBe(404);
    const listed = await server.call('GET', SESSIONS, undefined, other);
    expect(((await listed.json()) as { items: object[] }).items).toEqual([]);
    const taken = await server.call('POST', SESSIONS, { sessionId }, other);
    expect(taken.status).toBe(409);
    expect(await status(server, 'GET', sessionId)).toBe(200);
  });

  test('that nobody used for SESSION_TTL_HOURS is gone, and opening it again keeps it', async () => {
    const expired = await open(server);
    const kept = await open(server);
    await age(server, expired.sessionId, 24.01);
    await age(server, kept.sessionId, 23.9);
    expect(await status(server, 'GET', expired.sessionId)).toBe(404);
    expect(await status(server, 'DELETE', expired.sessionId)).toBe(404);
    expect((await server.call('POST', SESSIONS, { sessionId: expired.sessionId })).status).toBe(409);
    const again = await open(server, { sessionId: kept.sessionId });
    expect(Date.parse(again.expiresAt)).toBeGreaterThan(Date.now() + DAY_MS - 60_000);
  });

  test('lists come in pages, newest first', async () => {
    const other = await otherCaller(server);
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const response = await server.call('POST', SESSIONS, {}, other);
      ids.unshift(((await response.json()) as SessionView).sessionId);
    }
    const seen: string[] = [];
    for (let token: string | undefined = ''; token !== undefined;) {
      const query = `page_size=2${token === '' ? '' : `&page_token=${token}`}`;
      const response = await server.call('GET', `${SESSIONS}?${query}`, undefined, other);
      const page = (await response.json()) as { items: SessionView[]; nextPageToken?: string };
      seen.push(...page.items.map(({ sessionId }) => sessionId));
      token = page.nextPageToken;
    }
    expect(seen).toEqual(ids);
  });

  test('is refused in words when it is asked for wrongly', async () => {
    for (const [method, path, body] of [
      ['GET', `${SESSIONS}/12345`, undefined],
      ['POST', SESSIONS, { sessionId: 'mine' }],
      ['POST', SESSIONS, { session: randomUUID() }],
      ['GET', `${SESSIONS}?page_token=eA`, undefined],
      ['GET', `${SESSIONS}?page_size=0`, undefined],
    ] as const)
      expect(await server.json(400, method, path, body)).toMatchObject({ code: 'invalid' });
    expect((await fetch(server.url + SESSIONS)).status).toBe(401);
    expect(await status(server, 'GET', randomUUID())).toBe(404);
  });
});

test('expired sessions are deleted, closed ones too, by whichever replica comes first', async () => {
  await using database = await newDatabase();
  await rows(
    database.url,
    `insert into sessions (principal, last_used_at, closed_at)
     select 'x', now() - interval '2 hours', case when i % 2 = 0 then now() end from generate_series(1, 1200) i`,
  );
  await rows(
    database.url,
    `insert into sessions (principal, last_used_at) values ('x', now() - interval '30 minutes')`,
  );
  const env = { DATABASE_URL: database.url, SESSION_TTL_HOURS: '1' };
  await using a = await startServer({ env });
  await using b = await startServer({ env });
  const count = async () => (await rows(database.url, 'select count(*)::int as n from sessions'))[0]?.['n'];
  await until('they are deleted', async () => (await count()) === 1);
  for (const { logs } of [a, b]) expect(logs.filter(({ level }) => level === 'ERROR')).toEqual([]);
});

describe.skipIf(!hasRedis)('the hot copy of a session', () => {
  let redis: RedisServer;
  let database: TestDatabase;
  let a: TestServer;
  let b: TestServer;
  beforeAll(async () => {
    [redis, database] = await Promise.all([RedisServer.start(), newDatabase()]);
    const env = { DATABASE_URL: database.url, REDIS_URL: redis.url };
    [a, b] = await Promise.all([startServer({ env }), startServer({ env })]);
  });
  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()]);
    await redis[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  const read = (server: TestServer, id: string) => server.json<SessionView>(200, 'GET', `${SESSIONS}/${id}`);
  const key = (id: string) => `a2a:session:${id}`;

  test('stands at a2a:session:<id> with a TTL and is what other replicas read', async () => {
    const session = await open(a);
    expect(await redis.command('KEYS', 'a2a:session:*')).toContain(key(session.sessionId));
    expect(await redis.command('PTTL', key(session.sessionId))).toBeGreaterThan(60_000);
    // Only the copy can still tell.
    await rows(database.url, `update sessions set contexts = '{"echo": "x"}' where id = '${session.sessionId}'`);
    expect(await read(b, session.sessionId)).toEqual(session);
  });

  test('may be deleted or flushed at any moment: the next read is from the row and brings it back', async () => {
    const session = await open(a);
    for (const command of [['DEL', key(session.sessionId)], ['FLUSHDB']]) {
      await redis.command(...command);
      expect(await read(b, session.sessionId)).toEqual(session);
      expect(await redis.command('EXISTS', key(session.sessionId))).toBe(1);
    }
  });

  test('of a closed session opens nothing, not even with an older copy that comes late', async () => {
    const { sessionId } = await open(a);
    const old = String(await redis.command('GET', key(sessionId)));
    const other = await otherCaller(a);
    expect(await status(b, 'GET', sessionId, other)).toBe(404);
    expect(await status(b, 'DELETE', sessionId)).toBe(204);
    expect(await status(a, 'GET', sessionId)).toBe(404);
    expect(old).toContain('"closedAt":null');
    expect(await redis.command('GET', key(sessionId))).not.toContain('"closedAt":null');
  });

  test('of an expired session opens nothing', async () => {
    const { sessionId } = await open(a);
    await redis.command('DEL', key(sessionId));
    await age(a, sessionId, 23.999); // it has 3.6 s left
    expect(await status(a, 'GET', sessionId)).toBe(200);
    expect(await redis.command('PTTL', key(sessionId))).toBeLessThan(3_600);
    await until('it is gone', async () => (await status(b, 'GET', sessionId)) === 404);
  });

  test('is not missed while Redis is away, and what was closed meanwhile stays closed', async () => {
    const [kept, closed] = [await open(a), await open(a)];
    redis.freeze();
    expect(await read(b, kept.sessionId)).toEqual(kept);
    expect(await status(b, 'DELETE', closed.sessionId)).toBe(204);
    expect((await open(b)).contexts).toEqual({});
    redis.thaw();
    const isBack = ({ message }: { message: string }) => message === 'Redis is back';
    await b.waitForLog(isBack);
    expect(await status(b, 'GET', closed.sessionId)).toBe(404);
    expect(await status(a, 'GET', closed.sessionId)).toBe(404);
    expect(await read(a, kept.sessionId)).toEqual(kept);
  });
});
