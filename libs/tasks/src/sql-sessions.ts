import type { EntityManager } from 'typeorm';
import type { Session } from './session.entity.js';

/** The statements on `sessions`; whether a session may still be used is decided here, by the clock of the database. */

const COLUMNS = `id, principal, contexts, version, created_at as "createdAt", last_used_at as "lastUsedAt",
  closed_at as "closedAt"`;
const IS_OPEN = (ttl: string) => `closed_at is null and last_used_at > now() - make_interval(secs => ${ttl})`;

/** Undefined when the id is taken. Milliseconds are what a page token can carry. */
export async function insertSession(db: EntityManager, id: string, principal: string): Promise<Session | undefined> {
  const sql = `insert into sessions (id, principal, created_at) values ($1, $2, date_trunc('milliseconds', now()))
    on conflict (id) do nothing returning ${COLUMNS}`;
  return ((await db.query(sql, [id, principal])) as Session[])[0];
}

/** As it is, closed and expired ones included. */
export async function readSession(db: EntityManager, id: string): Promise<Session | undefined> {
  return ((await db.query(`select ${COLUMNS} from sessions where id = $1`, [id])) as Session[])[0];
}

/** Moves its last use on; undefined when it is not an open one of this principal. */
export async function useSession(db: EntityManager, id: string, principal: string, ttlMs: number) {
  const sql = `update sessions set last_used_at = now(), version = version + 1
    where id = $1 and principal = $2 and ${IS_OPEN('$3')} returning ${COLUMNS}`;
  return updated(await db.query(sql, [id, principal, ttlMs / 1_000]));
}

/** Undefined when it is not an open one of this principal. */
export async function closeSession(db: EntityManager, id: string, principal: string, ttlMs: number) {
  const sql = `update sessions set closed_at = now(), version = version + 1
    where id = $1 and principal = $2 and ${IS_OPEN('$3')} returning ${COLUMNS}`;
  return updated(await db.query(sql, [id, principal, ttlMs / 1_000]));
}

/** Undefined when that is known already, and when the session is closed. */
export async function rememberContext(db: EntityManager, id: string, agent: string, contextId: string) {
  const sql = `update sessions
    set contexts = contexts || jsonb_build_object($2::text, $3::text), last_used_at = now(), version = version + 1
    where id = $1 and closed_at is null and contexts ->> $2 is distinct from $3 returning ${COLUMNS}`;
  return updated(await db.query(sql, [id, agent, contextId]));
}

/** Newest first. @param after creation and id of the last one shown */
export async function listSessions(
  db: EntityManager,
  { principal, ttlMs, limit, after }: { principal: string; ttlMs: number; limit: number; after?: [string, string] },
): Promise<Session[]> {
  const sql = `select ${COLUMNS} from sessions where principal = $1 and ${IS_OPEN('$2')}
    and ($4::timestamptz is null or (created_at, id) < ($4, $5::uuid))
    order by created_at desc, id desc limit $3`;
  return (await db.query(sql, [principal, ttlMs / 1_000, limit, ...(after ?? [null, null])])) as Session[];
}

/** Deletes some of those that nobody used for `ttlMs`; replicas do not wait for each other. */
export async function deleteExpired(db: EntityManager, ttlMs: number, limit: number): Promise<string[]> {
  const sql = `delete from sessions where id in (
    select id from sessions where last_used_at <= now() - make_interval(secs => $1)
    order by last_used_at limit $2 for update skip locked) returning id`;
  const [rows] = (await db.query(sql, [ttlMs / 1_000, limit])) as [{ id: string }[], number];
  return rows.map(({ id }) => id);
}

/** What TypeORM gives for `update … returning`: the rows and their number. */
const updated = (result: unknown): Session | undefined => (result as [Session[], number])[0][0];
