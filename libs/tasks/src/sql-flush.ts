import type { Artifact, Part, TaskState } from '@app/a2a';
import type { AuditEvent } from '@app/audit';
import type { DataSource } from 'typeorm';
import type { StoredEvent } from './stored-event.js';
import type { InboxMessage } from './task-row.js';
import type { TaskError } from './task-event.js';

/** What happened to one task since its last flush. */
export interface FlushItem {
  readonly id: string;
  readonly executor: string;
  readonly epoch: number;
  /** `last_seq` as its owner knows it. */
  readonly base: number;
  readonly state: TaskState;
  readonly upstream: string | null;
  readonly context: string | null;
  /** An event of the agent since its message was sent. */
  readonly heard: boolean;
  readonly events: readonly StoredEvent[];
  /** The turn is over; with it comes what the task amounts to. */
  readonly rest: Rest | null;
  /** Of the turn that is over. */
  readonly audit: AuditEvent | null;
}

export interface Rest {
  readonly final: boolean;
  /** How many messages of the inbox were said: 0 or 1. */
  readonly said: number;
  readonly message: readonly Part[] | null;
  readonly history: readonly (readonly Part[])[];
  readonly artifacts: readonly Artifact[];
  readonly error: TaskError | null;
  /** Look again in so many milliseconds; null: not by itself. */
  readonly again: number | null;
  /** It waits for its caller and stays its owner's, who has more to do. */
  readonly kept?: true;
  /** For the next message, if there is one. */
  readonly timeout: number;
}

/** A task after its flush. */
export interface Flushed {
  readonly id: string;
  readonly last_seq: number;
  readonly updated_at: Date;
  readonly finished_at: Date | null;
  readonly deadline: Date;
  /** Null: it is at rest, or somebody else's. */
  readonly executor: string | null;
  /** Still to be said, or never said when the task is over; told only at the end of a turn. */
  readonly inbox: readonly InboxMessage[] | null;
}

/**
 * One statement for all tasks of a batch: fences (owner, epoch, not final), numbers and appends. At the end of a turn it
 * also keeps what the task amounts to, and lets go of it unless another message is to be said. Missing in what comes
 * back: lost.
 */
export function flush(db: Pick<DataSource, 'query'>, items: readonly FlushItem[]): Promise<Flushed[]> {
  const rows = items.map(({ rest, events, ...item }) => {
    const { artifacts: _, ...kept } = rest ?? { artifacts: [] };
    return { ...item, ...kept, rests: rest !== null, n: events.length };
  });
  const events = items.flatMap(({ id, events: list }) => list.map((event, i) => ({ task: id, nth: i + 1, ...event })));
  const artifacts = items.flatMap(({ id, rest }) =>
    (rest?.artifacts ?? []).map((body, position) => ({ task: id, position, body })),
  );
  return db.query(FLUSH, [JSON.stringify(rows), JSON.stringify(events), JSON.stringify(artifacts)]);
}

/** Makes whoever owns a run look at it, or somebody take it up. */
export const WAKE = `update tasks p set woken = true, due_at = case when p.executor is null then now() else p.due_at end`;

const FLUSH = `
  with item as (
    select *, now() as at from json_to_recordset($1) as i (
      id uuid, executor uuid, epoch int, base int, n int, state text, upstream text, context text, heard boolean,
      rests boolean, final boolean, kept boolean, said int, message json, history json, error json, again double precision,
      timeout double precision, audit json)
  ), owned as (
    update tasks t set
      last_seq = t.last_seq + i.n,
      state = case when goes_on then 'working' else i.state end,
      upstream_id = coalesce(i.upstream, t.upstream_id),
      context_id = coalesce(i.context, t.context_id),
      updated_at = i.at,
      heard = not goes_on and (t.heard or i.heard),
      -- Whatever a run writes is a step forward.
      attempts = case when goes_on then 1 when i.rests and i.said > 0 then 0 when t.kind <> 'agent' then 1 else t.attempts end,
      inbox = case when i.rests and i.said > 0 then t.inbox - 0 else t.inbox end,
      -- What a run asked counts until it goes on.
      message = case when i.rests then i.message when t.kind = 'agent' then t.message end,
      history = case when i.rests then i.history else t.history end,
      error = case when i.rests then i.error else t.error end,
      folded_seq = case when i.rests then t.last_seq + i.n else t.folded_seq end,
      deadline = case when goes_on then i.at + i.timeout * interval '1 ms' else t.deadline end,
      executor = case when lets_go then null else t.executor end,
      due_at = case when lets_go then
        case when t.woken and not i.final then i.at else i.at + i.again * interval '1 ms' end end,
      rested_at = case when i.rests and not goes_on then coalesce(t.rested_at, i.at) end,
      finished_at = case when i.final then i.at end
    from item i
    where t.id = i.id and t.executor = i.executor and t.epoch = i.epoch and t.last_seq = i.base
      and t.finished_at is null
    returning t.id, t.parent, t.last_seq, i.base, t.updated_at, t.finished_at, t.deadline, t.executor, i.rests,
      case when i.rests then t.inbox end as inbox
  ), appended as (
    insert into task_events (task_id, seq, at, kind, body)
    select o.id, o.base + e.nth, e.at, e.kind, e.body
    from json_to_recordset($2) as e (task uuid, nth int, at timestamptz, kind text, body json)
    join owned o on o.id = e.task
  ), kept as (
    insert into task_artifacts (task_id, position, body)
    select o.id, a.position, a.body
    from json_to_recordset($3) as a (task uuid, position int, body json)
    join owned o on o.id = a.task
    on conflict (task_id, position) do update set body = excluded.body
  ), audited as (
    insert into audit_pending (body) select i.audit from item i join owned o on o.id = i.id where i.audit is not null
  ), woken as (
    ${WAKE} from owned o where o.rests and p.id = o.parent and p.finished_at is null
  ), dropped as (
    delete from task_artifacts k using owned o
    where o.rests and k.task_id = o.id
      and k.position >= (select count(*) from json_to_recordset($3) as a (task uuid) where a.task = o.id)
  )
  select id, last_seq, updated_at, finished_at, deadline, executor, inbox from owned`
  .replaceAll('lets_go', '(i.rests and not goes_on and i.kept is not true)')
  .replaceAll('goes_on', '(i.rests and not i.final and jsonb_array_length(t.inbox) > i.said)');

/** How a task stands whose flush got no answer: the flush may have arrived. */
export function afterUnknown(db: DataSource, ids: readonly string[]): Promise<(Flushed & { epoch: number })[]> {
  return db.query(
    `select id, last_seq, updated_at, finished_at, deadline, executor, epoch, inbox from tasks where id = any ($1)`,
    [ids],
  );
}
