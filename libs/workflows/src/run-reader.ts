import type { TaskState } from '@app/a2a';
import type { Definition } from '@app/dsl';
import type { StepEvent } from '@app/tasks';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Frame } from './frame.js';
import type { RunView } from './runs.schemas.js';

/** A run with its task and its workflow. */
export interface RunRow {
  readonly id: string;
  readonly principal: string;
  readonly state: TaskState;
  readonly executor: string | null;
  readonly attempts: number;
  readonly last_seq: number;
  readonly message: readonly { readonly data?: unknown }[] | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly finished_at: Date | null;
  readonly workflow_id: string;
  readonly name: string;
  readonly version: string;
  readonly tags: readonly string[];
  readonly definition: Definition;
  readonly input: unknown;
  readonly context: unknown;
  readonly paused_at: Date | null;
  readonly undone: boolean;
  readonly continues: string | null;
  readonly output: { readonly parts: readonly { readonly text?: string; readonly data?: unknown }[] } | null;
}

const COLUMNS = `t.id, t.principal, t.state, t.executor, t.attempts, t.last_seq, t.message, t.created_at, t.updated_at, t.finished_at,
  r.workflow_id, w.name, w.version, w.tags, w.definition, r.input, r.context, r.paused_at, r.undone, r.continues,
  (select a.body from task_artifacts a where a.task_id = t.id and a.position = 0) as output`;
const FROM = 'tasks t join workflow_runs r on r.run_id = t.id join workflows w on w.id = r.workflow_id';

/** A phase in terms of rows. */
const PHASE = `case
  when t.state = 'completed' then 'completed' when t.state = 'failed' then 'faulted' when t.state = 'canceled' then 'cancelled'
  when r.paused_at is not null then 'suspended' when t.state = 'submitted' then 'pending'
  when t.executor is null or t.state = 'input-required' then 'waiting' else 'running' end`;

export interface RunFilter {
  readonly workflow: string;
  readonly principal: string | null;
  readonly phase: string | null;
  readonly before: string | null;
  readonly limit: number;
}

/** Reads runs. */
@Injectable()
export class RunReader {
  constructor(private readonly db: DataSource) {}

  async find(id: string): Promise<RunRow | undefined> {
    const rows: RunRow[] = await this.db.query(`select ${COLUMNS} from ${FROM} where t.id = $1`, [id]);
    return rows[0];
  }

  list({ workflow, principal, phase, before, limit }: RunFilter): Promise<RunRow[]> {
    return this.db.query(
      `select ${COLUMNS} from ${FROM}
       where w.name = $1 and ($2::text is null or t.principal = $2) and ($3::text is null or ${PHASE} = $3)
         and ($4::uuid is null or t.id < $4)
       order by t.id desc limit $5`,
      [workflow, principal, phase, before, limit],
    );
  }

  async frames(id: string): Promise<Frame[]> {
    const rows: { body: Frame }[] = await this.db.query('select body from workflow_frames where run_id = $1', [id]);
    return rows.map(({ body }) => body);
  }

  async byKey(principal: string, key: string): Promise<{ id: string; input_hash: string } | undefined> {
    const rows: { id: string; input_hash: string }[] = await this.db.query(
      'select id, input_hash from tasks where principal = $1 and idempotency = $2',
      [principal, key],
    );
    return rows[0];
  }

  /** What a task of the workflow's own list was given when it was begun last. */
  async begun(id: string, task: string): Promise<{ raw: unknown; context: unknown } | { omitted: string } | undefined> {
    const rows: { detail: { raw: unknown; context: unknown } | { omitted: string } }[] = await this.db.query(
      `select body -> 'detail' as detail from task_events
       where task_id = $1 and kind = 'step' and body ->> 'task' = $2 and body ->> 'frame' = ''
         and body ->> 'type' = 'io.serverlessworkflow.task.started.v1'
       order by seq desc limit 1`,
      [id, task],
    );
    return rows[0]?.detail;
  }

  /** Pointers of the tasks that wait for people, time or events. */
  async waiting(id: string): Promise<ReadonlySet<string>> {
    const rows: { task: string }[] = await this.db.query(
      `select f.body -> 'leaf' ->> 'task' as task from workflow_frames f
       where f.run_id = $1 and (f.body -> 'leaf' -> 'effect' ->> 'kind' in ('human', 'wait', 'retry', 'listen')
         or exists (select 1 from workflow_waits w where w.run_id = $1 and w.kind = 'human' and w.answered_at is null
           and w.closed_at is null and w.body ->> 'step' = f.body -> 'leaf' ->> 'handle'))`,
      [id],
    );
    return new Set(rows.map(({ task }) => task));
  }

  async steps(id: string): Promise<{ seq: number; at: Date; body: StepEvent }[]> {
    return this.db.query(
      `select seq, at, body from task_events where task_id = $1 and kind = 'step' order by seq limit 20000`,
      [id],
    );
  }
}

/** DSL 1.0.3, "Status Phases". */
export function phaseOf({
  state,
  paused_at,
  executor,
}: Pick<RunRow, 'state' | 'paused_at' | 'executor'>): RunView['phase'] {
  const final = { completed: 'completed', failed: 'faulted', canceled: 'cancelled' } as const;
  if (state in final) return final[state as keyof typeof final];
  if (paused_at !== null) return 'suspended';
  if (state === 'submitted') return 'pending';
  return executor === null || state === 'input-required' ? 'waiting' : 'running';
}

export function runViewOf(row: RunRow): RunView {
  const [part] = row.output?.parts ?? [];
  const problem = row.state === 'failed' ? row.message?.find(({ data }) => data !== undefined)?.data : undefined;
  return {
    runId: row.id,
    workflow: row.name,
    version: row.version,
    phase: phaseOf(row),
    input: row.input,
    ...(part !== undefined && { output: part.text ?? part.data }),
    ...(problem !== undefined && { error: problem as RunView['error'] }),
    startedBy: row.principal,
    ...(row.continues !== null && { continues: row.continues }),
    undone: row.undone,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    ...(row.finished_at !== null && { finishedAt: row.finished_at.toISOString() }),
  };
}
