import { createHash } from 'node:crypto';
import type { TaskState } from '@app/a2a';
import type { AuditEvent } from '@app/audit';
import type { JsonObject } from '@app/core';
import type { Rest } from './sql-flush.js';
import type { TaskRow } from './task-row.js';

/**
 * What the audit trail says of one turn with an agent. Written in the statement that brings the task to rest: one is never
 * there without the other.
 * @param payloads whether it holds what was said, and not digests (SHA-256, hex) only
 */
export function callEvent(row: TaskRow, state: TaskState, rest: Rest, payloads: boolean): AuditEvent {
  const { id, principal, agent, skill, inbox, created_at } = row;
  const [said] = inbox;
  const answer = { message: rest.message, artifacts: rest.artifacts };
  const detail: JsonObject = {
    startedAt: created_at.toISOString(),
    ...(said && { input: digest(said.parts) }),
    output: digest(answer),
    ...(rest.error && { error: rest.error.code }),
    ...(payloads && { payload: { ...(said && { input: said.parts }), output: answer } }),
  };
  return {
    kind: 'call',
    action: 'agents:call',
    outcome: state,
    principal,
    keyId: said?.from?.keyId,
    address: said?.from?.address,
    agent,
    skill: skill ?? undefined,
    subject: id,
    detail,
  };
}

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');
