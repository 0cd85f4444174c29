import { DomainError, type ErrorCode } from '@app/core';
import type { CallContext } from './call-context.js';
import { CallError, type CallErrorKind } from './call-error.js';

/** An answer becomes data of a run, which is kept: larger things belong behind an address. */
const MAX_ANSWER_BYTES = 1_024 * 1_024;
/** A model that thinks for long is answered within it; what takes longer is asked for again later. */
const MAX_CALL_MS = 5 * 60_000;
/** A timer of Node set for longer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const maxBytesOf = ({ maxBytes = MAX_ANSWER_BYTES }: CallContext): number => maxBytes;

/** For each request of a call; the whole of it is bounded besides. */
export const limitsOf = (ctx: CallContext) => {
  const maxMs = Math.min(ctx.maxMs ?? MAX_CALL_MS, LONGEST_TIMER_MS);
  return { maxBytes: maxBytesOf(ctx), headersMs: maxMs, idleMs: maxMs };
};

/**
 * Runs one call, not longer than it may take.
 * @throws CallError; the reason of the context's signal when that ended it; a bug as it is
 */
export async function attempt<T>(ctx: CallContext, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { maxMs = MAX_CALL_MS } = ctx;
  ctx.signal.throwIfAborted();
  const controller = new AbortController();
  const late = new CallError('timeout', `The call took longer than ${maxMs} ms`);
  const timer = setTimeout(() => controller.abort(late), Math.min(maxMs, LONGEST_TIMER_MS));
  const onAbort = () => controller.abort(ctx.signal.reason);
  ctx.signal.addEventListener('abort', onAbort);
  try {
    return await work(controller.signal);
  } catch (error) {
    controller.signal.throwIfAborted();
    throw asCallError(error);
  } finally {
    clearTimeout(timer);
    ctx.signal.removeEventListener('abort', onAbort);
  }
}

const MEANINGS: Readonly<Record<ErrorCode, readonly [CallErrorKind, number]>> = {
  invalid: ['configuration', 400],
  unauthenticated: ['authentication', 401],
  forbidden: ['authorization', 403],
  not_found: ['communication', 404],
  conflict: ['communication', 409],
  precondition_failed: ['communication', 412],
  too_large: ['communication', 502],
  rate_limited: ['communication', 429],
  unavailable: ['communication', 503],
  timeout: ['timeout', 408],
};

/** Our own words for what goes wrong on the way, which name no more of an address than its host. */
export function asCallError(error: unknown): unknown {
  if (!(error instanceof DomainError)) return error;
  const [kind, status] = MEANINGS[error.code];
  return new CallError(kind, error.message, { status, cause: error });
}
