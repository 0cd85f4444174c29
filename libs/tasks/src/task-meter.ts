import { Injectable } from '@nestjs/common';
import type { TaskState } from '@app/a2a';
import { DomainError } from '@app/core';
import { Metrics } from '@app/telemetry';

/** What a final state counts as; the others are not the end of the task. */
const OUTCOME: Readonly<Record<TaskState, 'done' | 'error' | 'canceled' | undefined>> = {
  submitted: undefined,
  working: undefined,
  'input-required': undefined,
  'auth-required': undefined,
  completed: 'done',
  failed: 'error',
  rejected: 'error',
  canceled: 'canceled',
};

/** One turn being measured. */
export interface MeasuredTurn {
  end(state: TaskState): void;
  failed(error: unknown): void;
  dispose(): void;
}

/** Counts tasks. */
@Injectable()
export class TaskMeter {
  constructor(private readonly metrics: Metrics) {}

  begin(slug: string): MeasuredTurn {
    this.metrics.invoked(slug);
    this.metrics.requestsCreated.inc();
    this.metrics.runningJobs.inc();
    return {
      end: (state) => this.ended(OUTCOME[state]),
      failed: (error) => this.failed(error),
      dispose: () => this.metrics.runningJobs.dec(),
    };
  }

  private ended(outcome: (typeof OUTCOME)[TaskState]): void {
    if (outcome !== undefined) this.metrics.requestsCompleted.inc({ status: outcome });
    if (outcome === 'error') this.metrics.failed('agent');
  }

  private failed(error: unknown): void {
    const isAbort = error instanceof Error && error.name === 'AbortError';
    this.metrics.requestsCompleted.inc({ status: isAbort ? 'canceled' : 'error' });
    if (isAbort) return;
    this.metrics.failed(error instanceof DomainError ? (error.code === 'timeout' ? 'timeout' : 'agent') : 'internal');
  }
}
