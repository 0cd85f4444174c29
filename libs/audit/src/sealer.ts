import { randomUUID } from 'node:crypto';
import {
  type BeforeApplicationShutdown,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { KeyRing } from '@app/secrets';
import { Log, Metrics } from '@app/telemetry';
import { DataSource, type EntityManager } from 'typeorm';
import { type ChainedEvent, chained, signedText } from './audit-chain.js';
import type { AuditEvent } from './audit-event.js';

export const AUDIT_PURPOSE = 'audit';
const SEAL_EVERY_MS = 1_000;
/** What a process that is gone has left is looked for so often. */
const LOOK_EVERY_MS = 10_000;
/** Events one transaction seals. */
const BATCH = 500;
/** Events in memory between two seals; beyond it they are counted, not kept. */
const MAX_NOTED = 2_000;

interface Noted {
  readonly at: Date;
  readonly event: AuditEvent;
}

/** The chain of this process: takes what was noted, here or in a transaction, and appends it, each link signed with the one before. */
@Injectable()
export class Sealer implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly log = new Log('Audit');
  private readonly chain = randomUUID();
  private seq = 0;
  private mac = '';
  private noted: Noted[] = [];
  private overflow = 0;
  private isDue = true;
  /** How many of `noted` were in a batch of which it is not known whether it was committed; undefined: none. */
  private inDoubt: number | undefined;
  private lookedAt = -Infinity;
  private timer: NodeJS.Timeout | undefined;
  private sealing: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: DataSource,
    private readonly keys: KeyRing,
    private readonly metrics: Metrics,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      if (this.isDue || performance.now() - this.lookedAt > LOOK_EVERY_MS) void this.seal();
    }, SEAL_EVERY_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.seal();
  }

  /** The doors close in between. What is written in transactions until the end, others seal. */
  async onApplicationShutdown(): Promise<void> {
    if (this.noted.length > 0) await this.seal();
  }

  /** Something is to be sealed that was written in a transaction. */
  nudge(): void {
    this.isDue = true;
  }

  /** For what has no transaction. Lost if the process is killed within a second. */
  note(event: AuditEvent): void {
    this.isDue = true;
    if (this.noted.length < MAX_NOTED) this.noted.push({ at: new Date(), event });
    else {
      this.overflow++;
      this.metrics.auditLost.inc();
    }
    this.metrics.auditWaiting.set(this.noted.length);
  }

  /** Seals all there is; when it resolves, what was committed before the call is sealed, unless the database is away. */
  seal(): Promise<void> {
    this.sealing = this.sealing.then(() => this.sealAll());
    return this.sealing;
  }

  private async sealAll(): Promise<void> {
    this.isDue = false;
    this.lookedAt = performance.now();
    try {
      if (this.inDoubt !== undefined) await this.recall(this.inDoubt);
      for (let sealed = BATCH; sealed >= BATCH;) sealed = await this.sealBatch();
    } catch (cause) {
      this.isDue = true;
      this.metrics.auditFailures.inc();
      this.log.warn('Audit events could not be sealed; trying again', { waiting: this.noted.length, cause });
    }
  }

  private async sealBatch(): Promise<number> {
    const own = this.ownBatch();
    this.inDoubt = own.length;
    const links = await this.db.transaction(async (manager) => {
      const pending = await takePending(manager, BATCH - own.length);
      return this.append(manager, [...own, ...pending]);
    });
    this.inDoubt = undefined;
    this.moveOn(links.at(-1), own.length);
    this.metrics.auditSealed.inc(links.length);
    return links.length;
  }

  private ownBatch(): readonly Noted[] {
    if (this.overflow > 0) {
      const event = {
        kind: 'denied',
        action: 'audit.overflow',
        outcome: 'failed',
        detail: { events: this.overflow },
      } as const;
      this.noted.push({ at: new Date(), event });
      this.overflow = 0;
    }
    return this.noted.slice(0, BATCH);
  }

  private async append(manager: EntityManager, events: readonly Noted[]): Promise<readonly Link[]> {
    let { seq, mac } = this;
    const links = events.map(({ at, event }): Link => {
      const link = chained(this.chain, ++seq, at, event);
      const signed = this.keys.sign(AUDIT_PURPOSE, signedText(link, mac));
      mac = signed.mac;
      return { ...link, kid: signed.key, mac };
    });
    if (links.length > 0) await manager.query(APPEND, [JSON.stringify(links)]);
    return links;
  }

  private moveOn(last: Pick<Link, 'seq' | 'mac'> | undefined, own: number): void {
    if (last === undefined) return;
    this.seq = last.seq;
    this.mac = last.mac;
    this.noted = this.noted.slice(own);
    this.metrics.auditWaiting.set(this.noted.length);
  }

  /** A commit whose answer got lost may have arrived: then our own events of that batch are there. */
  private async recall(own: number): Promise<void> {
    const [last] = (await this.db.query('select seq, mac from audit_log where chain = $1 order by seq desc limit 1', [
      this.chain,
    ])) as { seq: number; mac: string }[];
    if (last !== undefined && last.seq > this.seq) this.moveOn(last, own);
    this.inDoubt = undefined;
  }
}

interface Link extends ChainedEvent {
  readonly kid: string;
  readonly mac: string;
}

const APPEND = `
  insert into audit_log (chain, seq, at, kind, action, outcome, principal, key_id, address, agent, skill, subject, detail, kid, mac)
  select chain, seq, at, kind, action, outcome, principal, "keyId", address, agent, skill, subject, detail, kid, mac
  from json_to_recordset($1) as i (
    chain uuid, seq int, at timestamptz, kind text, action text, outcome text, principal text, "keyId" text, address text,
    agent text, skill text, subject text, detail text, kid text, mac text)`;

/** Of whichever process; several take side by side, each its own. */
async function takePending(manager: EntityManager, limit: number): Promise<Noted[]> {
  const [rows] = (await manager.query(
    `delete from audit_pending where id in (
       select id from audit_pending order by id limit $1 for update skip locked)
     returning id, at, body`,
    [limit],
  )) as [{ id: string; at: Date; body: AuditEvent }[], number];
  return rows
    .sort((a, b) => Number(a.id) - Number(b.id))
    .map(({ at, body }) => ({ at: new Date(at.getTime()), event: body }));
}
