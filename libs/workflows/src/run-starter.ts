import type { Caller, Trace } from '@app/core';
import { type Definition, durationMs } from '@app/dsl';
import { type FreshTask, RunStore, uuidV7 } from '@app/tasks';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { type Frame, ROOT } from './frame.js';
import type { Workflow } from './workflow.entity.js';

/** A run's task has no deadline of its own: the definition's time-out counts. */
const NO_DEADLINE_MS = 100 * 365 * 86_400_000;

/** A run that is about to be stored. */
export interface NewRun {
  readonly task: FreshTask;
  readonly workflowId: string;
  readonly credential: string;
  readonly address: string | null;
  readonly input: unknown;
  readonly context: unknown;
  readonly frames: readonly Frame[];
  readonly continues: string | null;
  readonly scheduledFor: Date | null;
}

export interface RunOptions {
  readonly parent?: string;
  readonly session?: string;
  readonly trace?: Trace;
  /** Of the tool and the caller's key; the same gives the same run. */
  readonly idempotency?: { readonly key: string; readonly hash: string };
  /** Instead of the beginning. */
  readonly from?: { readonly frames: readonly Frame[]; readonly context: unknown; readonly continues: string };
  /** False: whoever has room takes it up. */
  readonly here?: boolean;
  /** The time of the workflow's schedule that it is begun for. */
  readonly scheduledFor?: Date;
}

/** Stores runs. */
@Injectable()
export class RunStarter {
  constructor(private readonly store: RunStore) {}

  make(
    caller: Caller,
    workflow: Pick<Workflow, 'id' | 'name' | 'definition'>,
    input: unknown,
    options: RunOptions = {},
  ): NewRun {
    const { parent, session, trace, idempotency, from, here = true, scheduledFor = null } = options;
    const id = uuidV7();
    const task: FreshTask = {
      id,
      kind: 'workflow',
      parent: parent ?? null,
      principal: caller.id,
      agent: `workflow/${workflow.name}`,
      skill: null,
      session: session ?? null,
      context: null,
      idempotency: idempotency?.key ?? null,
      hash: idempotency?.hash ?? null,
      inbox: [],
      trace: trace?.parent ?? null,
      trace_state: trace?.state ?? null,
      executor: here && this.store.isFresh() ? this.store.executor : null,
      timeout: NO_DEADLINE_MS,
    };
    return {
      task,
      workflowId: workflow.id,
      credential: caller.credential,
      address: caller.address ?? null,
      input,
      context: from?.context ?? null,
      frames: from?.frames ?? [firstFrame(workflow.definition, input)],
      continues: from?.continues ?? null,
      scheduledFor,
    };
  }

  /** @returns false: the idempotency key was used */
  async insert(manager: EntityManager, run: NewRun): Promise<boolean> {
    const stored = await this.store.tryInsert(manager, run.task);
    if (stored === undefined) return false;
    await manager.query(
      `with run as (
         insert into workflow_runs (run_id, workflow_id, credential, address, input, context, continues, scheduled_for)
         values ($1, $2, $3, $4, $5, $6, $7, $9)
       )
       insert into workflow_frames (run_id, id, body)
       select $1, f.id, f.body from json_to_recordset($8) as f (id text, body json)`,
      [
        run.task.id,
        run.workflowId,
        run.credential,
        run.address,
        JSON.stringify(run.input ?? null),
        JSON.stringify(run.context ?? null),
        run.continues,
        JSON.stringify(run.frames.map((body) => ({ id: body.id, body }))),
        run.scheduledFor,
      ],
    );
    return true;
  }
}

/** Where every run begins. The workflow's own `input.from` is for the first segment: it may fail, and then the run has. */
export function firstFrame(definition: Definition, input: unknown): Frame {
  const startedAt = new Date().toISOString();
  const level = { task: '', key: '#', raw: input, input, startedAt, list: '/do', index: 0 };
  const deadline = deadlineIn(definition, startedAt);
  return { v: 1, id: ROOT, parent: null, stack: [{ ...level, ...deadline }], data: input, count: 0, forks: 0 };
}

/** The time-out of a workflow holds no expression: there is nothing yet that it could be about. */
function deadlineIn({ timeout, use }: Definition, startedAt: string): { readonly deadline?: string } {
  const after = (typeof timeout === 'string' ? use?.timeouts?.[timeout] : timeout)?.after;
  if (after === undefined || JSON.stringify(after).includes('${')) return {};
  return { deadline: new Date(Date.parse(startedAt) + durationMs(after)).toISOString() };
}
