import type { TaskSnapshot } from '@app/a2a';
import type { DataSource } from 'typeorm';
import { readTasks } from './sql-read.js';
import { foldStored, wholeSnapshot } from './stored-event.js';
import { snapshotOf, type TaskRow } from './task-row.js';

/** A task with all that is known of it, at one moment. */
export interface WholeTask {
  readonly row: TaskRow;
  readonly snapshot: TaskSnapshot;
}

export async function readWhole(db: DataSource, id: string): Promise<WholeTask | undefined> {
  const [found] = await readTasks(db, [id]);
  if (found === undefined) return undefined;
  const { artifacts, events, ...row } = found;
  const snapshot = events.reduce(
    (before, event) => foldStored(before, { ...event, at: new Date(event.at) }),
    wholeSnapshot(snapshotOf(row, artifacts)),
  );
  return { row, snapshot: { ...snapshot, state: row.state } };
}
