import type { Caller } from '@app/core';
import { Injectable } from '@nestjs/common';
import { freshTask, startedRow } from './new-task.js';
import { Refusals } from './refusals.js';
import { SessionsService } from './sessions.service.js';
import type { NewTask } from './task-event.js';
import { TaskInserter } from './task-inserter.js';
import { snapshotOf, type TaskRow } from './task-row.js';
import { TaskRuns } from './task-runs.js';

/** Begins tasks. */
@Injectable()
export class TaskStarter {
  constructor(
    private readonly inserter: TaskInserter,
    private readonly runs: TaskRuns,
    private readonly sessions: SessionsService,
    private readonly refusals: Refusals,
  ) {}

  /**
   * @returns the task, or the id of the one that the same idempotency key began earlier
   * @throws DomainError not_found, invalid, conflict, rate_limited
   */
  async start(caller: Caller, input: NewTask): Promise<TaskRow | string> {
    const task = freshTask(caller, input, await this.runs.timeoutOf(input.agent));
    // Counts as use of the session, and refuses what is clear already; the insert decides.
    if (input.sessionId !== undefined) await this.sessions.contextFor(caller, input.sessionId, input.agent);
    const executor = this.runs.reserve(input.agent);
    if (executor === undefined) await this.refusals.whenQueueIsFull();
    const claimed = { ...task, executor: executor ?? null };
    const stored = await this.inserter.store(claimed).catch((error: unknown) => {
      this.runs.unreserve(input.agent, executor);
      throw error;
    });
    if (stored === undefined) {
      this.runs.unreserve(input.agent, executor);
      return this.refusals.whyNotStored(claimed);
    }
    const row = startedRow(claimed, stored);
    this.runs.created(row);
    if (executor !== undefined) this.runs.begin(row, snapshotOf(row));
    return row;
  }
}
