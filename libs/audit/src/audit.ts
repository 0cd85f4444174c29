import { Injectable } from '@nestjs/common';
import type { Caller, JsonObject } from '@app/core';
import type { EntityManager } from 'typeorm';
import type { AuditEvent } from './audit-event.js';
import { PendingEventRow } from './pending-event.entity.js';
import { Sealer } from './sealer.js';

/** Who did it: a caller, or nobody in particular. */
type Actor = Pick<Caller, 'id' | 'keyId' | 'address'>;

interface Change {
  /** Slug. */
  readonly agent?: string;
  /** Id of what was changed. */
  readonly subject?: string;
  /** What it was changed to, without secrets. */
  readonly detail?: JsonObject;
}

/** Records who did what. */
@Injectable()
export class Audit {
  constructor(private readonly sealer: Sealer) {}

  /** A change of the configuration, in the transaction that makes it: both are there or neither. */
  async change(manager: EntityManager, actor: Actor, action: string, change: Change = {}): Promise<void> {
    const body: AuditEvent = { kind: 'change', action, outcome: 'ok', ...whoIs(actor), ...change };
    await manager.insert(PendingEventRow, { body: body as never });
    this.sealer.nudge();
  }

  /** What somebody was not allowed. */
  denied(actor: Actor, action: string, { agent, subject, detail }: Change = {}): void {
    this.sealer.note({ kind: 'denied', action, outcome: 'denied', ...whoIs(actor), agent, subject, detail });
  }

  /** Wrong credentials. @param keyId the id of the key that was shown, if it was one of ours by its looks */
  notAuthenticated(address: string, reason: string, keyId?: string): void {
    const detail = { reason };
    this.sealer.note({ kind: 'authentication', action: 'authenticate', outcome: 'failed', address, keyId, detail });
  }

  /** A call was written into `audit_pending` beside its task. */
  nudge(): void {
    this.sealer.nudge();
  }
}

const whoIs = ({ id, keyId, address }: Actor) => ({ principal: id, keyId, address });
