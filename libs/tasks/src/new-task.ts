import { createHash, randomUUID } from 'node:crypto';
import { cleanJson, cleanText, type Part } from '@app/a2a';
import { type Caller, DomainError } from '@app/core';
import type { FreshTask, StartedTask } from './sql-start.js';
import type { InboxMessage, TaskRow } from './task-row.js';
import type { NewTask } from './task-event.js';
import { isUuid, uuidV7 } from './uuid-v7.js';

const LONGEST_KEY = 200;

/** The row of a task that is about to begin, unclaimed. @throws DomainError invalid, not_found */
export function freshTask(caller: Caller, input: NewTask, timeout: number): FreshTask {
  const { agent, skill, contextId, sessionId, idempotencyKey } = input;
  if (sessionId !== undefined && !isUuid(sessionId)) throw noSession(sessionId);
  return {
    id: uuidV7(),
    kind: 'agent',
    parent: null,
    principal: caller.id,
    agent,
    skill: skill === undefined ? null : cleanText(skill),
    session: sessionId ?? null,
    context: contextId === undefined ? null : cleanText(contextId),
    idempotency: idempotencyKey === undefined ? null : digest([agent, skill ?? null, keyOf(idempotencyKey)]),
    hash: idempotencyKey === undefined ? null : digest([input.parts, contextId ?? null, sessionId ?? null]),
    inbox: [{ ...messageOf(caller, input.parts), ...(input.atMostOnce === true && { atMostOnce: true }) }],
    trace: input.trace?.parent ?? null,
    trace_state: input.trace?.state ?? null,
    executor: null,
    timeout,
  };
}

/** What is said to the agent, without what could not be stored. */
export const messageOf = ({ keyId, address }: Caller, parts: readonly Part[]): InboxMessage => ({
  messageId: randomUUID(),
  parts: cleanJson(parts) as Part[],
  from: { keyId, address },
});

/** What every row begins with. */
const BLANK = {
  state: 'submitted',
  upstream_id: null,
  heard: false,
  message: null,
  history: [],
  error: null,
  last_seq: 0,
  folded_seq: 0,
  kept_from: 1,
  cancel_requested_at: null,
  rested_at: null,
  finished_at: null,
} as const;

/** The row as it is right after it was stored: what is known already need not be read back. */
export function startedRow(task: FreshTask, stored: StartedTask): TaskRow {
  const {
    id,
    kind,
    parent,
    principal,
    agent,
    skill,
    session: session_id,
    hash: input_hash,
    inbox,
    trace,
    trace_state,
    executor,
  } = task;
  const claims = executor === null ? 0 : 1;
  const given = {
    id,
    kind,
    parent,
    principal,
    agent,
    skill,
    session_id,
    input_hash,
    inbox,
    trace,
    trace_state,
    executor,
  };
  return { ...BLANK, ...given, ...stored, epoch: claims, attempts: claims, updated_at: stored.created_at };
}

export const noSession = (id: string): DomainError =>
  new DomainError('not_found', `session_id: no open session ${id} of yours`);

function keyOf(key: string): string {
  if (key.length === 0 || key.length > LONGEST_KEY)
    throw new DomainError('invalid', `idempotency key: expected 1 to ${LONGEST_KEY} characters, got ${key.length}`);
  return key;
}

/** The same for equal values, whatever the order of their members. */
function digest(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('base64url');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
