import type { Caller } from '@app/core';
import type { DataSource } from 'typeorm';
import { WAKE } from './sql-flush.js';
import type { InboxMessage, TaskRow } from './task-row.js';

/** What a change leaves; undefined when there was nothing to change. */
type Changed = TaskRow | undefined;

/**
 * Final from here on: whatever its owner still writes loses. Nobody owns it: it is claimed for `executor`, which tells the
 * agent; somebody does: it stays theirs, and they do.
 */
export async function cancelTask(
  db: Pick<DataSource, 'query'>,
  id: string,
  caller: Pick<Caller, 'id' | 'keyId' | 'address'>,
  executor: string,
): Promise<Changed> {
  const rows: TaskRow[] = await db.query(
    `with before as (
       select id, inbox from tasks where id = $1 and principal = $2 and finished_at is null and kind = 'agent'
     ), canceled as (
       update tasks t set
         state = 'canceled', cancel_requested_at = now(), finished_at = now(), updated_at = now(), inbox = '[]',
         rested_at = now(), last_seq = t.last_seq + 2, due_at = null,
         epoch = t.epoch + (t.executor is null)::int,
         executor = case when t.attempts > 0 or t.upstream_id is not null then coalesce(t.executor, $3) end
       where id = $1 and principal = $2 and finished_at is null and kind = 'agent'
       returning *
     ), appended as (
       insert into task_events (task_id, seq, at, kind, body)
       select id, last_seq - 1, now(), 'status', '{"state":"canceled"}'::json from canceled
       union all
       select id, last_seq, now(), 'result', '{}'::json from canceled
     ), audited as (
       insert into audit_pending (body)
       select json_strip_nulls(json_build_object('kind', 'call', 'action', 'tasks:cancel', 'outcome', 'canceled', 'principal', c.principal,
         'keyId', $4::text, 'address', $5::text, 'agent', c.agent, 'skill', c.skill, 'subject', c.id, 'detail',
         json_build_object('startedAt', c.created_at, 'unsaid', coalesce(jsonb_array_length(b.inbox), 0))))
       from canceled c left join before b on b.id = c.id
     ), woken as (
       ${WAKE} from canceled c where p.id = c.parent and p.finished_at is null
     )
     select * from canceled`,
    [id, caller.id, executor, caller.keyId, caller.address ?? null],
  );
  return rows[0];
}

/** A run is told to end: its steps are canceled and what is to be undone is, before it is over. */
export async function requestCancel(db: Pick<DataSource, 'query'>, id: string, principal: string): Promise<Changed> {
  const rows: TaskRow[] = await db.query(
    `with asked as (
       update tasks p set cancel_requested_at = coalesce(cancel_requested_at, now()), woken = true, updated_at = now(),
         rested_at = null, due_at = case when executor is null then now() else due_at end
       where id = $1 and principal = $2 and finished_at is null and kind <> 'agent'
       returning *
     )
     select * from asked`,
    [id, principal],
  );
  return rows[0];
}

/** Adds to what is to be said. Nobody is saying anything: it is claimed for `executor`, or for whoever has room. */
export async function addAnswer(
  db: DataSource,
  answer: { id: string; principal: string; message: InboxMessage; executor: string | null; timeout: number },
): Promise<Changed> {
  const { id, principal, message, executor, timeout } = answer;
  const rows: TaskRow[] = await db.query(
    `with answered as (
       update tasks t set
         inbox = t.inbox || $3::jsonb,
         updated_at = now(),
         state = case when waits then 'working' else t.state end,
         rested_at = case when waits then null else t.rested_at end,
         heard = not waits and t.heard,
         deadline = case when waits then now() + $5 * interval '1 ms' else t.deadline end,
         executor = case when waits then $4 else t.executor end,
         epoch = t.epoch + (waits and $4::uuid is not null)::int,
         attempts = case when waits then ($4::uuid is not null)::int else t.attempts end,
         due_at = case when waits and $4::uuid is null then now() when waits then null else t.due_at end
       where id = $1 and principal = $2 and finished_at is null and kind = 'agent'
       returning *
     )
     select * from answered`.replaceAll('waits', '(t.executor is null and t.rested_at is not null)'),
    [id, principal, JSON.stringify([message]), executor, timeout],
  );
  return rows[0];
}

/** The agent was told that its task is canceled; or was not, and is to be told again in so many milliseconds. */
export async function settleCancel(db: DataSource, owned: TaskRow, again: number | null): Promise<void> {
  await db.query(
    `update tasks set executor = null, due_at = now() + $4 * interval '1 ms'
     where id = $1 and executor = $2 and epoch = $3`,
    [owned.id, owned.executor, owned.epoch, again],
  );
}
