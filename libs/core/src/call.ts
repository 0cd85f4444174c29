import type { Caller } from './caller.js';

/** One piece of work on behalf of a caller. Passed explicitly, first, all the way down. */
export interface Call {
  readonly caller: Caller;
  /** Aborts when the caller hangs up or cancels; every outgoing request must honour it. */
  readonly signal: AbortSignal;
  /** The `traceparent` that the caller sent. */
  readonly trace?: string;
}
