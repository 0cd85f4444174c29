import type { RequestHandler } from 'express';

/** One agent on one A2A version. */
export interface Wire {
  readonly jsonRpc: RequestHandler;
  readonly rest: RequestHandler;
  /** Ends what is being performed. */
  close(): void;
}
