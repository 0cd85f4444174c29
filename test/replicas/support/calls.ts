import type { Plan } from './plans.js';

/**
 * What a client may meet while something is broken: its connection broke or nothing came; a clear refusal that says to
 * come back.
 */
export type Trouble = 'connection' | 'unavailable';

/** One call as its client saw it. */
export interface CallRecord {
  readonly token: string;
  readonly plan: Plan;
  readonly door: string;
  /** Known once the server acknowledged the task. */
  taskId?: string;
  /** The client was told that the call is canceled. */
  canceled?: boolean;
  /** The client was told how it ended. */
  told: boolean;
  readonly troubles: { readonly kind: Trouble; readonly at: number; readonly what: string }[];
  /** What must never happen, whatever is broken. */
  readonly wrongs: string[];
}

export function trouble(call: CallRecord, kind: Trouble, what: string): void {
  call.troubles.push({ kind, at: Date.now(), what });
}
