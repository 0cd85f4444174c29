import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '@app/config';
import { KeyRing } from '@app/secrets';
import { Log } from '@app/telemetry';
import { DataSource, type EntityManager } from 'typeorm';
import { AuditAnchorRow } from './audit-anchor.entity.js';
import { type Anchor, anchorText, type Head } from './audit-chain.js';
import { PendingEventRow } from './pending-event.entity.js';
import { AUDIT_PURPOSE } from './sealer.js';

const ANCHOR_EVERY_MS = 60_000;
/** A little less: of several replicas the first one whose minute is over makes the anchor. */
const MIN_DISTANCE_MS = 55_000;
/** Transactions commit out of order: so many ids before the last one are looked at again. */
const OVERLAP = 10_000;
const RETENTION_EVERY_MS = 3_600_000;
/** Any number, the same in every version. */
const LOCK = 727_003;
const DAY_MS = 86_400_000;

/** Joins the chains of all processes once a minute, and removes what is older than the retention. */
@Injectable()
export class Anchors implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('Audit');
  private timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly db: DataSource,
    private readonly keys: KeyRing,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.timers = [
      setInterval(() => void this.attempt('anchored', () => this.anchor()), ANCHOR_EVERY_MS).unref(),
      setInterval(() => void this.attempt('shortened', () => this.retain()), RETENTION_EVERY_MS).unref(),
    ];
  }

  onModuleDestroy(): void {
    this.timers.forEach((timer) => clearInterval(timer));
  }

  /** Unless another replica did so within the minute, or nothing happened. */
  async anchor(): Promise<void> {
    const made = await this.db.transaction(async (manager) => {
      if (!(await tryLock(manager))) return undefined;
      const last = await lastAnchor(manager);
      const at = new Date();
      if (last !== null && at.getTime() - last.at.getTime() < MIN_DISTANCE_MS) return undefined;
      const { heads, upto } = await headsSince(manager, Number(last?.upto ?? 0));
      if (upto <= Number(last?.upto ?? 0)) return undefined;
      const anchor: Anchor = { seq: (last?.seq ?? 0) + 1, at, heads };
      const { key: kid, mac } = this.keys.sign(AUDIT_PURPOSE, anchorText(anchor, last?.mac ?? ''));
      await manager.insert(AuditAnchorRow, { ...anchor, heads: [...heads], upto: String(upto), kid, mac });
      return { anchor: anchor.seq, mac, chains: heads.length };
    });
    // Whoever keeps the log elsewhere can tell whether the last anchors were taken away.
    if (made !== undefined) this.log.info('Audit anchor', made);
  }

  /** Removes events up to the last anchor that is older than the retention, and records that it did. */
  async retain(): Promise<void> {
    const before = new Date(Date.now() - this.config.audit.retentionDays * DAY_MS);
    const removed = await this.db.transaction(async (manager) => {
      if (!(await tryLock(manager))) return 0;
      const [anchor] = (await manager.query('select seq from audit_anchors where at < $1 order by seq desc limit 1', [
        before,
      ])) as { seq: number }[];
      if (anchor === undefined) return 0;
      const [, count] = (await manager.query(REMOVE, [anchor.seq])) as [unknown, number];
      if (count === 0) return 0;
      const detail = { events: count, before: before.toISOString() };
      const body = { kind: 'change', action: 'audit.retain', outcome: 'ok', subject: String(anchor.seq), detail };
      await manager.insert(PendingEventRow, { body: body as never });
      return count;
    });
    if (removed > 0) this.log.info('Old audit events were removed', { events: removed });
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      this.log.warn(`The audit trail could not be ${what}`, { cause });
    }
  }
}

async function tryLock(manager: EntityManager): Promise<boolean> {
  const [row] = (await manager.query('select pg_try_advisory_xact_lock($1) as locked', [LOCK])) as [
    { locked: boolean },
  ];
  return row.locked;
}

const lastAnchor = (manager: EntityManager): Promise<AuditAnchorRow | null> =>
  manager.findOne(AuditAnchorRow, { where: {}, order: { seq: 'DESC' } });

/** How far the chains are that moved. */
async function headsSince(manager: EntityManager, upto: number): Promise<{ heads: Head[]; upto: number }> {
  const rows = (await manager.query(
    `select distinct on (chain) chain, seq, mac, (select max(id) from audit_log) as upto
       from audit_log where id > $1 order by chain, seq desc`,
    [Math.max(0, upto - OVERLAP)],
  )) as (Head & { upto: string })[];
  return { heads: rows.map(({ chain, seq, mac }) => ({ chain, seq, mac })), upto: Number(rows[0]?.upto ?? upto) };
}

/** The beginning of each chain, up to where an anchor knows it. */
const REMOVE = `
  delete from audit_log l using (
    select h.chain, max(h.seq) as seq
    from audit_anchors a, json_to_recordset(a.heads) as h (chain uuid, seq int)
    where a.seq <= $1 and a.seq > coalesce((
      select max(subject::int) from audit_log where action = 'audit.retain' and kind = 'change'), 0)
    group by h.chain
  ) h
  where l.chain = h.chain and l.seq <= h.seq`;
