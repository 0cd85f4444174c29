import type { JsonObject } from '@app/core';

/** What is recorded. */
export const AUDIT_KINDS = ['change', 'call', 'denied', 'authentication'] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

/** Somebody did something, or tried to. */
export interface AuditEvent {
  readonly kind: AuditKind;
  /** `agents.register`, `grants.create`, …; for calls and denials the permission, such as `agents:call`. */
  readonly action: string;
  /** `ok`, `denied`, `failed`; for calls how the task stands. */
  readonly outcome: string;
  readonly principal?: string;
  readonly keyId?: string;
  readonly address?: string;
  /** Slug. */
  readonly agent?: string;
  readonly skill?: string;
  /** Id of what was changed, or of the task. */
  readonly subject?: string;
  readonly detail?: JsonObject;
}
