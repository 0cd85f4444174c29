import { type Definition, type Task, taskAt, taskKindOf } from '@app/dsl';
import type { TaskRow } from '@app/tasks';
import { Metrics, type Wait } from '@app/telemetry';
import { Injectable } from '@nestjs/common';
import type { Ended } from './plan.js';

/** Counts runs and their steps. */
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

  stepsEnded(definition: Definition, ended: readonly Ended[]): void {
    for (const { task: pointer, startedAt, status } of ended) {
      const task = taskAt(definition, pointer);
      const seconds = (Date.now() - Date.parse(startedAt)) / 1_000;
      if (task !== undefined) this.metrics.stepEnded(kindOf(task), status, seconds);
    }
  }

  /** How many runs wait now, in all replicas. */
  waiting(runs: Readonly<Record<Wait, number>>): void {
    for (const [what, count] of Object.entries(runs)) this.metrics.runsWait(what as Wait, count);
  }
}

/** DSL 1.0.3, "Status Phases". */
const STATUS: Readonly<Record<string, string>> = { completed: 'completed', failed: 'faulted', canceled: 'cancelled' };

const kindOf = (task: Task): string => ('call' in task ? `call_${task.call}` : taskKindOf(task));
