import type { Caller } from './caller.js';
import type { Trace } from './trace.js';

/** One piece of work on behalf of a caller. Passed explicitly, first, all the way down. */
export interface Call {
  readonly caller: Caller;
  /** Aborts when the caller hangs up or cancels; every outgoing request must honour it. */
  readonly signal: AbortSignal;
  /** The trace that the work belongs to. */
  readonly trace?: Trace;
}
