import { DomainError, type ErrorCode } from '@app/core';
import { isDatabaseAway } from '@app/database';
import type { WebSocketEnd } from '@app/telemetry';
import { STATUS } from '@app/web';
import { LIMITS } from './limits.js';

/** Why a connection ends: for the client, and for the metrics. */
export interface Ending {
  /** RFC 6455 §7.4, or 4000 and an HTTP status. */
  readonly code: number;
  readonly reason: string;
  readonly end: WebSocketEnd;
}

const seconds = (ms: number): string => `${ms / 1_000} s`;

export const ENDINGS = {
  done: { code: 1000, reason: 'the request is over', end: 'done' },
  binary: { code: 1003, reason: 'binary messages are not taken: send JSON as text', end: 'invalid' },
  internal: { code: 1011, reason: 'something went wrong on our side', end: 'internal' },
  restart: { code: 1012, reason: 'restarting; connect again', end: 'restart' },
  idle: { code: 4408, reason: `idle for ${seconds(LIMITS.idleMs)}`, end: 'idle' },
  stranger: {
    code: 4408,
    reason: `idle for ${seconds(LIMITS.unauthenticatedIdleMs)} without authentication`,
    end: 'idle',
  },
  slow: {
    code: 4408,
    reason: `too slow: more than ${LIMITS.unsentBytes} bytes unread for ${seconds(LIMITS.slowMs)}`,
    end: 'slow',
  },
  unauthenticated: { code: 4401, reason: `${LIMITS.failedAuthentications} wrong API keys`, end: 'denied' },
} as const satisfies Record<string, Ending>;

/** When the server stops. @param seq the last event that was sent, on a connection that follows one request */
export function restarting(seq: number | undefined): Ending {
  if (seq === undefined) return ENDINGS.restart;
  return { ...ENDINGS.restart, reason: `${ENDINGS.restart.reason} and resume with from=${seq}` };
}

/** Nobody answered what the agent asked. */
export function unanswered(seq: number): Ending {
  const reason = `idle: nobody answered for ${seconds(LIMITS.waitingMs)}; resume with from=${seq}`;
  return { code: 4408, reason, end: 'idle' };
}

/** A frame that is none, as ws tells it. */
export function malformed(error: Error): Ending {
  const isTooLarge = 'code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
  if (!isTooLarge) return { code: 1002, reason: error.message, end: 'invalid' };
  return { code: 1009, reason: `a message has more than ${LIMITS.messageBytes} bytes`, end: 'limit' };
}

const END: Readonly<Partial<Record<ErrorCode, WebSocketEnd>>> = {
  unauthenticated: 'denied',
  forbidden: 'denied',
  not_found: 'not_found',
  rate_limited: 'limit',
};

/** What an error ends a connection with; undefined for a bug of ours. */
export function endingOf(error: unknown): Ending | undefined {
  if (isDatabaseAway(error))
    return { code: 1013, reason: 'the database cannot be reached; try again soon', end: 'internal' };
  if (!(error instanceof DomainError)) return undefined;
  const status = STATUS[error.code];
  if (status >= 500) return { code: 1013, reason: error.message, end: 'internal' };
  return { code: 4000 + status, reason: error.message, end: END[error.code] ?? 'invalid' };
}

/** The credentials of a connection are not what they were; whoever could not be asked is asked again. */
export const isDenied = (error: unknown): error is DomainError =>
  error instanceof DomainError && (error.code === 'unauthenticated' || error.code === 'forbidden');
