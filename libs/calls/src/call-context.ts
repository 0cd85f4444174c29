import type { JsonObject, Trace } from '@app/core';

/** What a call needs to know of the step that makes it. */
export interface CallContext {
  /** Ends the call; its reason is thrown as it is. */
  readonly signal: AbortSignal;
  /** The same for every repetition of the same step. */
  readonly idempotencyKey: string;
  readonly trace?: Trace;
  /** What the variables of URI templates mean: the task's input. */
  readonly data?: unknown;
  /** The secret of that name. @throws CallError authorization (403) when it may not be used */
  secret(name: string): Promise<unknown>;
  /** `use.authentications` of the definition, with all expressions filled. */
  readonly authentications: Readonly<Record<string, JsonObject>>;
  /** How many decoded bytes an answer may have; 1 MiB when absent. */
  readonly maxBytes?: number;
  /** How long the whole call may take, in milliseconds; five minutes when absent. */
  readonly maxMs?: number;
}
