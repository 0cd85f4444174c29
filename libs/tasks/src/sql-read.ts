import type { Artifact } from '@app/a2a';
import type { DataSource } from 'typeorm';
import type { EventRow } from './stored-event.js';
import type { TaskRow } from './task-row.js';

/** Events one statement brings for each task; more come with the next. */
export const EVENT_PAGE = 500;

/** A task with all that completes it, at one moment. */
export interface WholeTask extends TaskRow {
  readonly artifacts: readonly Artifact[];
  /** Those after `folded_seq`. */
  readonly events: readonly (Omit<EventRow, 'at'> & { readonly at: string })[];
}

export async function readTasks(db: DataSource, ids: readonly string[]): Promise<WholeTask[]> {
  return db.query(
    `select t.*,
       coalesce((select json_agg(a.body order by a.position) from task_artifacts a where a.task_id = t.id), '[]')
         as artifacts,
       coalesce((select json_agg(e order by e.seq) from task_events e where e.task_id = t.id and e.seq > t.folded_seq),
         '[]') as events
     from tasks t where t.id = any ($1)`,
    [ids],
  );
}

/** The row alone. */
export async function readTask(db: DataSource, id: string): Promise<TaskRow | undefined> {
  const rows: TaskRow[] = await db.query('select * from tasks where id = $1', [id]);
  return rows[0];
}

export interface News extends EventRow {
  /** Of the task, at the same moment. */
  readonly last_seq: number;
  readonly resting: boolean;
}

/** What happened to tasks after the event that is known of each. */
export function readNews(db: DataSource, known: ReadonlyMap<string, number>): Promise<News[]> {
  return db.query(
    `select e.task_id, e.seq, e.at, e.kind, e.body, t.last_seq, t.rested_at is not null as resting
     from unnest($1::uuid[], $2::int[]) as k (id, seq)
     join tasks t on t.id = k.id and t.last_seq > k.seq
     cross join lateral (
       select * from task_events e where e.task_id = k.id and e.seq > k.seq order by e.seq limit ${EVENT_PAGE}) as e
     order by e.task_id, e.seq`,
    [[...known.keys()], [...known.values()]],
  );
}

/** A page of events between two numbers, both excluded. */
export function readEvents(db: DataSource, id: string, after: number, before: number): Promise<EventRow[]> {
  return db.query(
    `select task_id, seq, at, kind, body from task_events
     where task_id = $1 and seq > $2 and seq < $3 order by seq limit ${EVENT_PAGE}`,
    [id, after, before],
  );
}

export interface ListFilter {
  readonly principal: string;
  readonly agent: string | null;
  readonly state: string | null;
  readonly session: string | null;
  /** The id of the last one seen. */
  readonly before: string | null;
  readonly limit: number;
}

/** Newest first. */
export function listTasks(db: DataSource, filter: ListFilter): Promise<TaskRow[]> {
  const { principal, agent, state, session, before, limit } = filter;
  return db.query(
    `select * from tasks
     where principal = $1 and ($2::text is null or agent = $2) and ($3::text is null or state = $3)
       and ($4::uuid is null or session_id = $4) and ($5::uuid is null or id < $5)
     order by id desc limit $6`,
    [principal, agent, state, session, before, limit],
  );
}

/** Tasks of a principal that are at work or about to be; others are over, or wait: for somebody, something, or a time. */
export async function countBusy(db: DataSource, principal: string): Promise<number> {
  const sql = `
    select count(*)::int as busy from tasks
    where principal = $1 and rested_at is null and parent is null and (executor is not null or due_at <= now())`;
  const [row] = (await db.query(sql, [principal])) as [{ busy: number }];
  return row.busy;
}
