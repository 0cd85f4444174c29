import type { Artifact, Part } from '@app/a2a';
import type { DataSource } from 'typeorm';
import { WAKE } from './sql-flush.js';

/** Replicas do this side by side, each with its own rows. */

/** When the oldest task comes to rest that is still kept by number; undefined: there are not so many. */
export async function oldestKept(db: DataSource, count: number): Promise<Date | undefined> {
  const rows: { rested_at: Date }[] = await db.query(
    'select rested_at from tasks where rested_at is not null order by rested_at desc offset $1 limit 1',
    [count],
  );
  return rows[0]?.rested_at;
}

/** Removes the oldest tasks that have been at rest since before then; never one that is worked on or due. */
export async function removeTasks(db: DataSource, restedBefore: Date, limit: number): Promise<number> {
  const rows: { n: number }[] = await db.query(
    `with old as (
       select id, parent from tasks
       where rested_at <= $1 and executor is null and due_at is null and (kind = 'agent' or finished_at is not null)
       order by rested_at limit $2 for update skip locked
     ), events as (
       delete from task_events e using old o where e.task_id = o.id
     ), artifacts as (
       delete from task_artifacts a using old o where a.task_id = o.id
     ), woken as (
       ${WAKE} from old o where p.id = o.parent and p.finished_at is null
     ), removed as (
       delete from tasks t using old o where t.id = o.id returning 1
     )
     select count(*)::int as n from removed`,
    [restedBefore, limit],
  );
  return rows[0]?.n ?? 0;
}

/** Tasks that ended so long ago that their events go, though the events alone know what they amount to: canceled ones. */
export async function findUnfolded(db: DataSource, finishedBefore: Date, limit: number): Promise<string[]> {
  const rows: { id: string }[] = await db.query(
    `select id from tasks where finished_at <= $1 and kept_from = 1 and folded_seq < last_seq and kind = 'agent'
     order by finished_at limit $2`,
    [finishedBefore, limit],
  );
  return rows.map(({ id }) => id);
}

/** Keeps what the events of a finished task amount to. */
export async function keepFolded(
  db: DataSource,
  task: {
    readonly id: string;
    readonly message: readonly Part[] | null;
    readonly history: readonly (readonly Part[])[];
    readonly artifacts: readonly Artifact[];
  },
): Promise<void> {
  const { id, message, history, artifacts } = task;
  const bodies = artifacts.map((body, position) => ({ position, body }));
  await db.query(
    `with folded as (
       update tasks set message = $2, history = $3, folded_seq = last_seq
       where id = $1 and finished_at is not null and folded_seq < last_seq
       returning id
     )
     insert into task_artifacts (task_id, position, body)
     select f.id, a.position, a.body from folded f, json_to_recordset($4) as a (position int, body json)
     on conflict (task_id, position) do update set body = excluded.body`,
    [id, message === null ? null : JSON.stringify(message), JSON.stringify(history), JSON.stringify(bodies)],
  );
}

/** Drops the events of tasks that ended before then; what they amount to stays. */
export async function dropEvents(db: DataSource, finishedBefore: Date, limit: number): Promise<number> {
  const rows: { n: number }[] = await db.query(
    `with old as (
       select id from tasks where finished_at <= $1 and kept_from = 1 and folded_seq = last_seq and kind = 'agent'
       order by finished_at limit $2 for update skip locked
     ), dropped as (
       delete from task_events e using old o where e.task_id = o.id
     ), marked as (
       update tasks t set kept_from = t.last_seq + 1 from old o where t.id = o.id returning 1
     )
     select count(*)::int as n from marked`,
    [finishedBefore, limit],
  );
  return rows[0]?.n ?? 0;
}
