import { Injectable } from '@nestjs/common';
import { DomainError } from '@app/core';
import { Metrics } from '@app/telemetry';
import type { Connection, Identity } from './connection.js';
import { ENDINGS, isDenied, restarting } from './endings.js';
import { LIMITS } from './limits.js';

const BEAT_MS = 1_000;

/** The open connections of this process: how many there may be, whether they live, and whether their keys still open. */
@Injectable()
export class Connections {
  private readonly open = new Set<Connection>();
  private readonly principals = new Map<string, number>();
  private strangers = 0;
  private timer: NodeJS.Timeout | undefined;
  private lastConfirmed = 0;
  private isConfirming = false;

  constructor(private readonly metrics: Metrics) {}

  add(connection: Connection): void {
    this.open.add(connection);
    this.strangers++;
    this.metrics.webSocketConnections.inc();
    this.timer ??= setInterval(() => this.beat(), BEAT_MS).unref();
    connection.onClose((code) => this.remove(connection, code));
  }

  /** May one more stay that has not said who it is? @throws DomainError rate_limited */
  admitStranger(): void {
    const { unauthenticatedConnections: max } = LIMITS;
    if (this.strangers > max)
      throw new DomainError('rate_limited', `more than ${max} connections without authentication`);
  }

  /** @throws DomainError rate_limited */
  identify(connection: Connection, identity: Identity): void {
    const { id } = identity.caller;
    const { connectionsPerPrincipal: max } = LIMITS;
    const count = this.principals.get(id) ?? 0;
    if (count >= max) throw new DomainError('rate_limited', `more than ${max} connections of this principal`);
    if (connection.signal.aborted) return;
    this.principals.set(id, count + 1);
    this.strangers--;
    connection.identity = identity;
  }

  /** Lets running requests be answered, then ends everything in a way that tells clients how to go on. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all([...this.open].map((connection) => this.closeOne(connection)));
  }

  private async closeOne(connection: Connection): Promise<void> {
    let tooLate: NodeJS.Timeout | undefined;
    const grace = new Promise((resolve) => {
      tooLate = setTimeout(resolve, LIMITS.closeGraceMs);
    });
    await Promise.race([Promise.allSettled(connection.work), grace]);
    clearTimeout(tooLate);
    connection.end(restarting(connection.lastSeq));
    await connection.closed;
  }

  private remove(connection: Connection, code: number): void {
    this.open.delete(connection);
    this.metrics.webSocketConnections.dec();
    this.metrics.webSocketClosed.inc({ reason: connection.ending?.end ?? (code === 1006 ? 'lost' : 'client') });
    const principal = connection.identity?.caller.id;
    if (principal === undefined) this.strangers--;
    else this.forget(principal);
    if (this.open.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private forget(principal: string): void {
    const left = (this.principals.get(principal) ?? 1) - 1;
    if (left > 0) this.principals.set(principal, left);
    else this.principals.delete(principal);
  }

  private beat(): void {
    const now = performance.now();
    for (const connection of this.open) connection.beat(now);
    if (this.isConfirming || now - this.lastConfirmed < LIMITS.credentialsMs) return;
    this.lastConfirmed = now;
    this.isConfirming = true;
    void this.confirm().finally(() => {
      this.isConfirming = false;
    });
  }

  /** Each credential is asked about once, however many connections it opened. */
  private async confirm(): Promise<void> {
    for (const [credential, confirm] of this.credentials()) {
      try {
        await confirm();
      } catch (error) {
        // Away is not revoked: what could not be asked is asked again.
        if (isDenied(error)) this.revoked(credential, error.message);
      }
    }
  }

  private credentials(): Map<string, Identity['confirm']> {
    const identities = [...this.open].flatMap(({ identity }) => (identity === undefined ? [] : [identity]));
    return new Map(identities.map(({ caller, confirm }) => [caller.credential, confirm]));
  }

  private revoked(credential: string, reason: string): void {
    for (const connection of this.open)
      if (connection.identity?.caller.credential === credential) connection.end({ ...ENDINGS.unauthenticated, reason });
  }
}
