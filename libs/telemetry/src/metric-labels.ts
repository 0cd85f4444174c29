import type { ErrorCode } from '@app/core';

/** What `a2a_errors_total` counts by. `internal` is ours to fix; the others say whose turn it is. */
export const ERROR_TYPES = ['invalid', 'denied', 'agent', 'timeout', 'internal'] as const;
export type ErrorType = (typeof ERROR_TYPES)[number];

/** What each expected failure counts as. */
export const ERROR_TYPE: Readonly<Record<ErrorCode, ErrorType>> = {
  invalid: 'invalid',
  unauthenticated: 'denied',
  forbidden: 'denied',
  not_found: 'invalid',
  conflict: 'invalid',
  precondition_failed: 'invalid',
  too_large: 'invalid',
  rate_limited: 'denied',
  unavailable: 'agent',
  timeout: 'timeout',
};

/** How a task ended, in the words of `get_status`. */
export const TASK_OUTCOMES = ['done', 'error', 'canceled'] as const;

/** As of the schema against this version. */
export const SCHEMA_STATES = ['current', 'behind', 'ahead'] as const;
export const REDIS_STATES = ['up', 'away', 'off'] as const;
export type RedisState = (typeof REDIS_STATES)[number];

export const REGISTRY_OPERATIONS = ['register', 'update', 'refresh', 'remove'] as const;
export type RegistryOperation = (typeof REGISTRY_OPERATIONS)[number];

/** What there is a rate limit for. */
export const LIMITS = ['principal', 'call', 'agent', 'address', 'key', 'tasks'] as const;
/** Those of one agent. */
export const AGENT_LIMITS = ['call', 'agent'] as const;
export type LimitName = (typeof LIMITS)[number];

/** Why WebSocket connections end. */
export const WEBSOCKET_ENDS = [
  'done',
  'client',
  'lost',
  'idle',
  'slow',
  'denied',
  'not_found',
  'limit',
  'invalid',
  'restart',
  'internal',
] as const;
export type WebSocketEnd = (typeof WEBSOCKET_ENDS)[number];

/** What happens to runs of workflows; refused: a schedule could not begin one, its owner may not any more. */
export const RUN_EVENTS = ['started', 'completed', 'faulted', 'cancelled', 'refused'] as const;

/** Tasks of workflows that ask something beside the run. */
export const STEP_KINDS = [
  'call_agent',
  'call_http',
  'call_mcp',
  'call_a2a',
  'call_human',
  'run',
  'wait',
  'listen',
] as const;
/** How they end. */
export const STEP_ENDS = ['completed', 'faulted', 'cancelled'] as const;
/** What runs wait for. */
export const WAITS = ['person', 'event', 'timer'] as const;
export type Wait = (typeof WAITS)[number];
