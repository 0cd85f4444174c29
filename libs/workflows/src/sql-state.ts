import type { Definition } from '@app/dsl';
import type { DataSource, EntityManager } from 'typeorm';
import type { Frame, Undo } from './frame.js';
import type { Ending } from './run-rows.entity.js';

type Db = Pick<DataSource | EntityManager, 'query'>;

/** A run as its rows have it. */
export interface RunState {
  readonly workflow_id: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly definition: Definition;
  readonly credential: string;
  readonly address: string | null;
  readonly input: unknown;
  readonly context: unknown;
  readonly undo: readonly Undo[];
  readonly paused: boolean;
  readonly ending: Ending | null;
  readonly consumed: readonly number[];
  /** A schedule began it. */
  readonly scheduled: boolean;
  readonly frames: readonly Frame[];
}

export async function readState(db: Db, id: string): Promise<RunState | undefined> {
  const rows: RunState[] = await db.query(
    `select r.workflow_id, w.name, w.tags, w.definition, r.credential, r.address, r.input, r.context, r.undo,
       r.paused_at is not null as paused, r.ending, r.consumed, r.scheduled_for is not null as scheduled,
       coalesce((select json_agg(f.body order by f.id) from workflow_frames f where f.run_id = r.run_id), '[]') as frames
     from workflow_runs r join workflows w on w.id = r.workflow_id
     where r.run_id = $1`,
    [id],
  );
  return rows[0];
}

/** What people are asked. */
export interface Question {
  readonly id: string;
  /** The step whose agent asks; null: the workflow itself. */
  readonly step: string | null;
  readonly prompt: string;
  readonly schema: unknown;
}

/** What happened outside that a run's frames wait for. */
export interface News {
  readonly paused: boolean;
  /** Steps that are waited for: tasks of agents and of workflows. One that is missing was removed. */
  readonly steps: readonly { readonly id: string; readonly rests: boolean }[];
  /** Questions that were answered. */
  readonly answered: readonly { readonly id: string; readonly answer: unknown; readonly by: string }[];
  /** Questions that are open, with the step whose agent asked. */
  readonly open: readonly Question[];
}

/** @param steps those that are waited for */
export async function readNews(db: Db, id: string, steps: readonly string[]): Promise<News> {
  const rows: News[] = await db.query(
    `select
       exists (select 1 from workflow_runs where run_id = $1 and paused_at is not null) as paused,
       coalesce((select json_agg(json_build_object('id', t.id, 'rests', t.rested_at is not null))
         from tasks t where t.id = any ($2)), '[]') as steps,
       coalesce((select json_agg(json_build_object('id', w.id, 'answer', w.answer, 'by', w.answered_by))
         from workflow_waits w where w.run_id = $1 and w.answered_at is not null and w.closed_at is null), '[]') as answered,
       coalesce((select json_agg(json_build_object('id', w.id, 'step', w.body ->> 'step', 'prompt', w.body ->> 'prompt',
           'schema', w.body -> 'schema') order by w.created_at, w.id)
         from workflow_waits w
         where w.run_id = $1 and w.kind = 'human' and w.answered_at is null and w.closed_at is null), '[]') as open`,
    [id, steps],
  );
  return rows[0] ?? { paused: false, steps: [], answered: [], open: [] };
}

/** A row of `workflow_waits` to be. */
export interface NewWait {
  readonly id: string;
  readonly frame: string;
  readonly kind: 'human' | 'event';
  readonly body: object;
  readonly assignees?: readonly string[];
  readonly patterns?: readonly string[];
  readonly keys?: readonly string[];
  readonly expires_at?: string;
}

/** What one write changes of a run's own rows. */
export interface StateChange {
  readonly frames: readonly Frame[];
  readonly dropped: readonly string[];
  readonly waits: readonly NewWait[];
  readonly closed: readonly string[];
  readonly events: readonly {
    readonly source: string;
    readonly id: string;
    readonly type: string;
    readonly event: object;
    readonly by: string;
  }[];
  readonly context?: { readonly value: unknown };
  readonly undo: readonly Undo[];
  readonly ending: Ending | null;
  readonly undone: boolean;
  readonly consumed: readonly number[];
  /** The run is over, and where it stood is kept or dropped. Nothing it waited for stays open. */
  readonly ends: 'no' | 'keeps' | 'drops';
}

/** In the transaction that says so in the task's events, after it was fenced. */
export async function writeState(db: Db, run: string, change: StateChange): Promise<void> {
  const { frames, dropped, waits, closed, events, context, undo, ending, undone, consumed, ends } = change;
  const bodies = frames.map((body) => ({ id: body.id, body }));
  await db.query(
    `with kept as (
       insert into workflow_frames (run_id, id, body)
       select $1, f.id, f.body from json_to_recordset($2) as f (id text, body json)
       on conflict (run_id, id) do update set body = excluded.body
     ), dropped as (
       delete from workflow_frames where run_id = $1 and (id = any ($3) or $13 = 'drops')
     ), asked as (
       insert into workflow_waits (id, run_id, frame, kind, body, assignees, patterns, keys, expires_at)
       select w.id, $1, w.frame, w.kind, w.body, w.assignees, w.patterns, w.keys, w.expires_at
       from json_to_recordset($4) as w (id uuid, frame text, kind text, body json, assignees text[], patterns text[],
         keys text[], expires_at timestamptz)
     ), looked_at as (
       insert into workflow_patterns (pattern)
       select distinct unnest(w.patterns) from json_to_recordset($4) as w (patterns text[])
       on conflict do nothing
     ), closed as (
       update workflow_waits set closed_at = now() where run_id = $1 and (id = any ($5) or $13 <> 'no') and closed_at is null
     ), emitted as (
       insert into workflow_inbox (source, id, type, event, sent_by)
       select e.source, e.id, e.type, e.event, e.by
       from json_to_recordset($6) as e (source text, id text, type text, event json, by text)
       on conflict (source, id) do nothing
     )
     update workflow_runs set
       context = case when $7 then $8::json else context end, undo = $9, ending = $10, undone = undone or $11, consumed = $12
     where run_id = $1`,
    [
      run,
      JSON.stringify(bodies),
      dropped,
      JSON.stringify(waits),
      closed,
      JSON.stringify(events),
      context !== undefined,
      context === undefined ? null : JSON.stringify(context.value),
      JSON.stringify(undo),
      ending === null ? null : JSON.stringify(ending),
      undone,
      JSON.stringify(consumed),
      ends,
    ],
  );
}
