import type { DataSource } from 'typeorm';

/** An executor that has not beaten for so long is dead. */
export const DEAD_AFTER_MS = 5_000;
/**
 * Two good beats further apart have a gap between them, in which others may have fallen silent without being dead:
 * PostgreSQL may have hung. One beat, and how late it may come, less than dead.
 */
export const GAP_MS = DEAD_AFTER_MS - 1_500;

/** What every tick tells. */
interface Tick<Row> {
  readonly released: number;
  readonly canceled: readonly string[];
  /** Owned, but not among those that are worked on. */
  readonly strays: readonly string[];
  /** Owned, and something happened to them that their owner is to look at. */
  readonly stirred: readonly string[];
  readonly claimed: readonly Row[];
  /** Due tasks that nobody has claimed yet. */
  readonly waiting: number;
  /** Executors that there are. */
  readonly executors: number;
}

export interface TickOptions {
  readonly executor: string;
  /** Whether the silent may be judged; orphans are released in any case. */
  readonly judges: boolean;
  /** How many tasks of each kind may be claimed; others are left to those who know them. */
  readonly room: Readonly<Record<string, number>>;
  /** Agents that have enough to do here. */
  readonly busy: readonly string[];
  /** What it works on. */
  readonly working: readonly string[];
}

/**
 * One statement: removes dead executors, releases what they (or nobody that exists) owned, tells which owned tasks were
 * canceled, and claims what is due. What it releases it does not see as due yet; the next tick does.
 */
export async function tick<Row>(db: DataSource, options: TickOptions): Promise<Tick<Row>> {
  const { executor, judges, room, busy, working } = options;
  const kinds = Object.entries(room).map(([kind, places]) => ({ kind, room: places }));
  const rows: (Row & Omit<Tick<Row>, 'claimed'> & { id: string | null })[] = await db.query(
    `with dead as (
       delete from executors where id in (
         select id from executors
         where $2 and beat_at < clock_timestamp() - interval '${DEAD_AFTER_MS} ms'
           and exists (select 1 from executors where id = $1 and beat_at > clock_timestamp() - interval '${GAP_MS} ms')
         for update skip locked)
       returning id
     ), orphaned as (
       select id from tasks t
       where executor is not null
         and (executor in (select id from dead) or not exists (select 1 from executors e where e.id = t.executor))
       for update skip locked
     ), released as (
       update tasks t set executor = null, due_at = now() from orphaned o where t.id = o.id returning 1
     ), due as (
       select found.id from json_to_recordset($3) as k (kind text, room int)
       cross join lateral (
         select id from tasks t
         where due_at <= now() and executor is null and t.kind = k.kind and agent <> all ($4)
         order by due_at limit k.room
         for update skip locked) as found
     ), claimed as (
       update tasks t set executor = $1, epoch = t.epoch + 1, attempts = t.attempts + 1, due_at = null, woken = false
       from due where t.id = due.id
       returning t.*
     )
     select
       (select count(*)::int from released) as released,
       array(select id from tasks where executor = $1 and cancel_requested_at is not null and finished_at is not null) as canceled,
       array(select id from tasks where executor = $1 and (cancel_requested_at is null or finished_at is null)
             except select unnest($5::uuid[])) as strays,
       -- A name that no column of a task has.
       array(select id from tasks where executor = $1 and woken) as stirred,
       (select count(*)::int from tasks where due_at <= now() and executor is null) as waiting,
       (select count(*)::int from executors) as executors,
       claimed.*
     from (select 1) as one left join claimed on true`,
    [executor, judges, JSON.stringify(kinds), busy, working],
  );
  const claimed = rows.filter(({ id }) => id !== null);
  const { released = 0, canceled = [], strays = [], stirred = [], waiting = 0, executors = 0 } = rows[0] ?? {};
  const left = Math.max(waiting - claimed.length, 0);
  return { released, canceled, strays, stirred, claimed, waiting: left, executors };
}

/** Gives owned tasks to whoever claims them first. @param begun false: as if they had not been claimed */
export async function release(db: DataSource, executor: string, ids: readonly string[], begun: boolean): Promise<void> {
  await db.query(
    `update tasks set executor = null, due_at = now(), attempts = attempts - (not $3)::int
     where executor = $1 and id = any ($2)`,
    [executor, ids, begun],
  );
}

/** How many connections the server takes, and how many all executors together may open. */
export const CONNECTIONS = `
  select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as allowed,
         (select coalesce(sum(connections), 0)::int from executors) as wanted`;

export const REGISTER = 'insert into executors (id, name, connections, beat_at) values ($1, $2, $3, clock_timestamp())';
export const BEAT = 'update executors set beat_at = clock_timestamp() where id = $1';
export const LEAVE = 'delete from executors where id = $1';
