import type { TaskRow } from '@app/tasks';
import { Metrics } from '@app/telemetry';
import { Injectable } from '@nestjs/common';

/** Counts runs. */
@Injectable()
export class RunMeter {
  constructor(private readonly metrics: Metrics) {}

  started(): void {
    this.metrics.workflowRuns.inc({ status: 'started' });
  }

  /** A schedule could not begin one: its owner may not any more. */
  refused(): void {
    this.metrics.workflowRuns.inc({ status: 'refused' });
  }

  ended({ state, created_at, finished_at }: TaskRow): void {
    this.metrics.workflowRuns.inc({ status: STATUS[state] ?? state });
    const seconds = ((finished_at ?? new Date()).getTime() - created_at.getTime()) / 1_000;
    this.metrics.workflowRunDuration.observe(seconds);
  }
}

/** DSL 1.0.3, "Status Phases". */
const STATUS: Readonly<Record<string, string>> = { completed: 'completed', failed: 'faulted', canceled: 'cancelled' };
