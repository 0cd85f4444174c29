import type { DataSource } from 'typeorm';
import { WAKE } from './sql-flush.js';
import type { TaskRow } from './task-row.js';

export interface Parking {
  readonly id: string;
  readonly executor: string;
  readonly epoch: number;
  /** In milliseconds; null: when somebody wakes it. */
  readonly again: number | null;
}

/** @returns whether it was let go of: a run that was woken meanwhile stays its owner's */
export async function park(db: DataSource, { id, executor, epoch, again }: Parking): Promise<boolean> {
  const rows: unknown[] = await db.query(
    `with parked as (
       update tasks set executor = null, attempts = 0, due_at = now() + $4 * interval '1 ms'
       where id = $1 and executor = $2 and epoch = $3 and not woken
       returning 1
     )
     select * from parked`,
    [id, executor, epoch, again],
  );
  return rows.length > 0;
}

/** Before its owner looks: what comes later wakes it again. Undefined: lost. */
export async function clearWoken(
  db: DataSource,
  { id, executor, epoch }: Pick<TaskRow, 'id' | 'executor' | 'epoch'>,
): Promise<TaskRow | undefined> {
  const rows: TaskRow[] = await db.query(
    `with cleared as (
       update tasks set woken = false where id = $1 and executor = $2 and epoch = $3 and finished_at is null
       returning *
     )
     select * from cleared`,
    [id, executor, epoch],
  );
  return rows[0];
}

/** Runs at rest go on; those at work are looked at by their owners. */
export async function wake(db: Pick<DataSource, 'query'>, ids: readonly string[]): Promise<void> {
  await db.query(
    `with woken as (${WAKE} where p.id = any ($1) and p.finished_at is null returning 1) select 1 from woken`,
    [ids],
  );
}
