/** Why a request failed, in words that every door (REST, MCP, WebSocket) translates for itself. */
export type ErrorCode =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'precondition_failed'
  | 'too_large'
  | 'rate_limited'
  | 'unavailable'
  | 'timeout';

/** One thing that is wrong with a document that somebody sent. */
export interface DocumentProblem {
  /** JSON Pointer into the document; empty: all of it. */
  readonly path: string;
  readonly message: string;
  readonly suggestion?: string;
}

/** An expected failure that the caller can act on. Anything else that is thrown is a bug and becomes an opaque 500. */
export class DomainError extends Error {
  /** All that is wrong, for doors that can tell more than a sentence. */
  readonly problems: readonly DocumentProblem[] | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    { problems, ...options }: ErrorOptions & { readonly problems?: readonly DocumentProblem[] } = {},
  ) {
    super(message, options);
    this.name = 'DomainError';
    this.problems = problems;
  }
}

/** How full the limit is that was met. */
export interface LimitState {
  /** Which limit. */
  readonly limit: string;
  /** How often at once. */
  readonly burst: number;
  /** Seconds until it may be tried again; at least 1. */
  readonly retryAfterSeconds: number;
  /** Seconds until all of the burst is there again. */
  readonly resetSeconds: number;
}

/** Too often, or too much at a time; every door tells the numbers. */
export class RateLimited extends DomainError {
  constructor(
    message: string,
    readonly state: LimitState,
  ) {
    super('rate_limited', message);
    this.name = 'RateLimited';
  }
}
