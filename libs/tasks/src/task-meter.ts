import { Injectable } from '@nestjs/common';
import type { TaskState } from '@app/a2a';
import { type ErrorType, Metrics } from '@app/telemetry';
import type { TaskError, TaskView } from './task-event.js';

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

/** Counts tasks. */
@Injectable()
export class TaskMeter {
  constructor(private readonly metrics: Metrics) {}

  created(slug: string): void {
    this.metrics.invoked(slug);
    this.metrics.requestsCreated.inc();
  }

  /** How many tasks this replica works on. */
  running(count: number): void {
    this.metrics.runningJobs.set(count);
  }

  takenOver(): void {
    this.metrics.takeovers.inc();
  }

  /** The turn is over; with a final state so is the task. */
  ended({ agent, state, error, createdAt, updatedAt, finishedAt }: TaskView): void {
    const outcome = OUTCOME[state];
    if (outcome === undefined) return;
    const seconds = ((finishedAt ?? updatedAt).getTime() - createdAt.getTime()) / 1_000;
    this.metrics.taskEnded(agent, outcome, seconds);
    if (outcome === 'error') this.metrics.failed(typeOf(error));
  }
}

const typeOf = (error: TaskError | undefined): ErrorType => (error?.code === 'timeout' ? 'timeout' : 'agent');
