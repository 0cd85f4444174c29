import type { StepEvent } from '@app/tasks';
import type { Activation, Frame, Problem, Undo } from './frame.js';

/** What became of what a frame waited for. */
export type Outcome =
  | { readonly kind: 'begin' }
  /** It goes on waiting. */
  | { readonly kind: 'waits' }
  | { readonly kind: 'output'; readonly output: unknown }
  | { readonly kind: 'problem'; readonly problem: Problem }
  /** The time of a task of its stack, or of its leaf, is over; or that of one attempt of a `try`. */
  | { readonly kind: 'timeout'; readonly key: string; readonly attempt?: true };

/** One execution of a task that is over. */
export interface Ended extends Pick<Activation, 'task' | 'startedAt'> {
  readonly status: 'completed' | 'faulted' | 'cancelled';
}

/** A frame after a step, and what happened on the way. All of it is stored at once. */
export interface Plan {
  readonly frame: Frame;
  readonly events: readonly StepEvent[];
  readonly ended: readonly Ended[];
  /** `$context`, when it changed. */
  readonly context?: { readonly value: unknown };
  readonly undo: readonly Undo[];
  /** The whole run is over, gracefully: somebody said `then: end`. */
  readonly ends: boolean;
  /** Where it would go on, had the task not failed that nothing caught. */
  readonly retry?: Frame;
}
