import type { Part } from '@app/a2a';
import { type TaskView, uuidV7 } from '@app/tasks';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Frame } from './frame.js';
import type { Question } from './sql-state.js';

interface Answered {
  readonly id: string;
  readonly answer: unknown;
}

/** Questions of agents that are steps of runs: they are asked as questions of the run. */
@Injectable()
export class ApprovalRows {
  constructor(private readonly db: DataSource) {}

  /** Only by the owner of the run. */
  async askFor(run: string, { id: frame, leaf }: Frame, view: TaskView): Promise<Question> {
    const id = uuidV7();
    const prompt = textOf(view.message) || `${view.agent} waits for an answer`;
    const schema = view.message?.find(({ data }) => data !== undefined)?.data;
    const { taskId: step, lastSeq } = view;
    const body = { task: leaf?.task ?? '', prompt, step, seq: lastSeq, ...(schema !== undefined && { schema }) };
    await this.db.query(`insert into workflow_waits (id, run_id, frame, kind, body) values ($1, $2, $3, 'human', $4)`, [
      id,
      run,
      frame,
      JSON.stringify(body),
    ]);
    return { id, step, prompt, schema };
  }

  /** The answer to what the agent asks now; one to an earlier question is none. */
  async answeredFor({ taskId, parentId, lastSeq }: TaskView): Promise<Answered | undefined> {
    const rows: Answered[] = await this.db.query(
      `select id, answer from workflow_waits
       where run_id = $1 and body ->> 'step' = $2 and (body ->> 'seq')::int = $3
         and answered_at is not null and closed_at is null`,
      [parentId, taskId, lastSeq],
    );
    return rows[0];
  }

  async close(id: string): Promise<void> {
    await this.db.query('update workflow_waits set closed_at = now() where id = $1 and closed_at is null', [id]);
  }
}

const textOf = (parts: readonly Part[] = []): string =>
  parts
    .map(({ text }) => text ?? '')
    .join(' ')
    .trim();
