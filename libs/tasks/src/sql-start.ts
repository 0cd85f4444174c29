import type { DataSource } from 'typeorm';
import type { InboxMessage } from './task-row.js';

/** A task as it is begun. */
export interface FreshTask {
  readonly id: string;
  readonly kind: string;
  /** The run that it is a step of. */
  readonly parent: string | null;
  readonly principal: string;
  readonly agent: string;
  readonly skill: string | null;
  readonly session: string | null;
  /** Only one that the principal was told by this agent. */
  readonly context: string | null;
  readonly idempotency: string | null;
  readonly hash: string | null;
  readonly inbox: readonly InboxMessage[];
  readonly trace: string | null;
  readonly trace_state: string | null;
  /** Null: whoever has room. */
  readonly executor: string | null;
  readonly timeout: number;
}

export interface StartedTask {
  readonly id: string;
  readonly context_id: string | null;
  readonly deadline: Date;
  readonly created_at: Date;
}

/** Stores tasks, claimed when they name an executor. Missing in what comes back: no such session or context, or the idempotency key was used. */
export function insertTasks(db: Pick<DataSource, 'query'>, tasks: readonly FreshTask[]): Promise<StartedTask[]> {
  return db.query(
    `insert into tasks (id, kind, parent, principal, agent, skill, session_id, idempotency, input_hash, state, context_id, inbox,
                        trace, trace_state, executor, epoch, attempts, due_at, deadline)
     select i.id, i.kind, i.parent, i.principal, i.agent, i.skill, i.session, i.idempotency, i.hash, 'submitted',
            -- The session hears of a new context a moment after the task whose result told it.
            coalesce(i.context,
              (select t.context_id from tasks t
               where t.session_id = i.session and t.agent = i.agent and t.context_id is not null
               order by t.id desc limit 1),
              (select s.contexts ->> i.agent from sessions s where s.id = i.session)), i.inbox,
            i.trace, i.trace_state, i.executor, (i.executor is not null)::int, (i.executor is not null)::int,
            case when i.executor is null then now() end, now() + i.timeout * interval '1 ms'
     from json_to_recordset($1) as i (
       id uuid, kind text, parent uuid, principal text, agent text, skill text, session uuid, context text, idempotency text, hash text,
       inbox jsonb, trace text, trace_state text, executor uuid, timeout double precision)
     where (i.session is null or exists (
             select 1 from sessions s where s.id = i.session and s.principal = i.principal and s.closed_at is null))
       and (i.context is null or exists (
             select 1 from tasks t
             where t.context_id = i.context and t.principal = i.principal and t.agent = i.agent))
     on conflict (principal, idempotency) where idempotency is not null do nothing
     returning id, context_id, deadline, created_at`,
    [JSON.stringify(tasks)],
  );
}

/** The task that used an idempotency key. */
export async function findByKey(
  db: DataSource,
  principal: string,
  idempotency: string,
): Promise<{ id: string; input_hash: string } | undefined> {
  const rows: { id: string; input_hash: string }[] = await db.query(
    'select id, input_hash from tasks where principal = $1 and idempotency = $2',
    [principal, idempotency],
  );
  return rows[0];
}

/** How many calls to agents wait for room, counted up to the limit. */
export async function countQueued(db: DataSource, limit: number): Promise<number> {
  const rows: { n: number }[] = await db.query(
    `select count(*)::int as n from (select 1 from tasks where kind = 'agent' and due_at <= now() limit $1) as queued`,
    [limit],
  );
  return rows[0]?.n ?? 0;
}
