import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type FreshTask, insertTasks, type StartedTask } from './sql-start.js';

/** Tasks one statement stores. */
const LARGEST_BATCH = 100;

interface Waiting {
  readonly task: FreshTask;
  readonly resolve: (row: StartedTask | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Stores new tasks: at once while few come, those that come meanwhile together. A burst of a thousand calls takes one
 * connection, not the whole pool.
 */
@Injectable()
export class TaskInserter {
  private waiting: Waiting[] = [];
  private storing = false;

  constructor(private readonly db: DataSource) {}

  /** Undefined: no such session or context, or the idempotency key was used. */
  store(task: FreshTask): Promise<StartedTask | undefined> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ task, resolve, reject });
      if (!this.storing) void this.storeAll();
    });
  }

  private async storeAll(): Promise<void> {
    this.storing = true;
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, LARGEST_BATCH);
      try {
        const rows = new Map(
          (
            await insertTasks(
              this.db,
              batch.map(({ task }) => task),
            )
          ).map((row) => [row.id, row]),
        );
        for (const { task, resolve } of batch) resolve(rows.get(task.id));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.storing = false;
  }
}
