import { Config } from '@app/config';
import { DomainError } from '@app/core';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { noSession } from './new-task.js';
import { countQueued, findByKey, type FreshTask } from './sql-start.js';

/** What keeps a task from being stored. */
@Injectable()
export class Refusals {
  constructor(
    private readonly db: DataSource,
    private readonly config: Config,
  ) {}

  /** @throws DomainError rate_limited when too many tasks wait */
  async whenQueueIsFull(): Promise<void> {
    const { maxQueueSize, maxConcurrency } = this.config.tasks;
    const queued = await countQueued(this.db, maxQueueSize + 1);
    if (queued < maxQueueSize) return;
    throw new DomainError(
      'rate_limited',
      `The queue is full: ${maxQueueSize} tasks (MAX_QUEUE_SIZE) wait, and this replica works on ${maxConcurrency} (MAX_CONCURRENCY) at once; try again later`,
    );
  }

  /** Why a task was not stored. @returns the id of the same task, begun earlier. @throws DomainError conflict, not_found */
  async whyNotStored(task: FreshTask): Promise<string> {
    const { principal, idempotency, hash, agent, context, session } = task;
    const known = idempotency === null ? undefined : await findByKey(this.db, principal, idempotency);
    if (known !== undefined && known.input_hash === hash) return known.id;
    if (known !== undefined)
      throw new DomainError('conflict', `idempotency key: it was used for ${agent} with another input`);
    if (session !== null && context === null) throw noSession(session);
    throw new DomainError('not_found', `context_id: no conversation ${context} of yours with ${agent}`);
  }
}
