import { KeyRing } from '@app/secrets';
import type { DataSource } from 'typeorm';
import { anchorText, type ChainedEvent, type Head, signedText } from './audit-chain.js';
import { AUDIT_PURPOSE } from './sealer.js';

const BATCH = 5_000;
/** Findings that are told one by one. */
const MAX_FINDINGS = 1_000;

type Row = ChainedEvent & { readonly kid: string; readonly mac: string };
type AnchorRow = { seq: number; at: Date; heads: Head[]; kid: string; mac: string };

export interface Finding {
  /** `chain/seq` of the event, or `anchor/seq`. */
  readonly where: string;
  readonly what: string;
}

export interface Verification {
  readonly findings: readonly Finding[];
  readonly events: number;
  readonly anchors: number;
  /** The last anchor: compare it with the log. */
  readonly last?: { readonly seq: number; readonly at: Date; readonly mac: string };
  /** Sealed after the last anchor: they are right as they stand, but some may have been removed after them. */
  readonly unanchored: number;
  /** Not sealed yet: anything may have happened to them. */
  readonly pending: number;
}

/** Goes through the whole trail and finds every event that was altered, inserted or removed up to the last anchor. */
export class AuditVerifier {
  private readonly findings: Finding[] = [];
  private readonly heads = new Map<string, { mac: string; anchor: number }>();
  /** By chain: what no event has come up to yet. */
  private readonly furthest = new Map<string, { seq: number; anchor: number }>();
  private retainedTo = 0;
  private readonly cutChains: { chain: string; seq: number; anchor: number }[] = [];
  private events = 0;
  private unanchored = 0;

  constructor(
    private readonly db: DataSource,
    private readonly keys: KeyRing,
  ) {}

  /** @param known an anchor as the log told it: it must be there, and the same */
  async verify(known?: { seq: number; mac: string }): Promise<Verification> {
    const anchors = await this.readAnchors(known);
    await this.readEvents();
    for (const [chain, { seq, anchor }] of this.furthest)
      if (anchor > this.retainedTo) this.find(`${chain}/${seq}`, `removed: anchor ${anchor} knows of it`);
    for (const { chain, seq, anchor } of this.cutChains)
      if (anchor > this.retainedTo)
        this.find(`${chain}/${seq - 1}`, 'removed, and what was before it: no retention says so');
    const [{ pending }] = (await this.db.query('select count(*)::int as pending from audit_pending')) as [
      { pending: number },
    ];
    const { findings, events, unanchored } = this;
    const last = anchors.at(-1);
    return { findings, events, anchors: anchors.length, unanchored, pending, ...(last && { last }) };
  }

  private async readAnchors(known?: { seq: number; mac: string }): Promise<AnchorRow[]> {
    const rows = (await this.db.query(
      'select seq, at, heads, kid, mac from audit_anchors order by seq',
    )) as AnchorRow[];
    let before = '';
    let expected = 1;
    for (const anchor of rows) {
      const where = `anchor/${anchor.seq}`;
      if (anchor.seq !== expected) this.find(`anchor/${expected}`, 'removed');
      if (!this.isSigned(anchor, anchorText(anchor, before))) this.find(where, 'altered or inserted');
      for (const { chain, seq, mac } of anchor.heads) {
        const name = `${chain}/${seq}`;
        if (!this.heads.has(name)) this.heads.set(name, { mac, anchor: anchor.seq });
        if (seq > (this.furthest.get(chain)?.seq ?? 0)) this.furthest.set(chain, { seq, anchor: anchor.seq });
      }
      before = anchor.mac;
      expected = anchor.seq + 1;
    }
    const found = rows.find(({ seq }) => seq === known?.seq);
    if (known !== undefined && found?.mac !== known.mac)
      this.find(`anchor/${known.seq}`, found === undefined ? 'removed: the log knows of it' : 'not the one in the log');
    return rows;
  }

  private async readEvents(): Promise<void> {
    let place = { chain: '00000000-0000-0000-0000-000000000000', seq: 0 };
    let before: Row | undefined;
    for (;;) {
      const rows = (await this.db.query(NEXT, [place.chain, place.seq, BATCH])) as Row[];
      for (const row of rows) {
        this.check(row, before?.chain === row.chain ? before : undefined);
        before = row;
      }
      place = rows.at(-1) ?? place;
      if (rows.length < BATCH) return;
    }
  }

  private check(row: Row, before: Row | undefined): void {
    this.events++;
    const where = `${row.chain}/${row.seq}`;
    const expected = before === undefined ? 1 : before.seq + 1;
    const start = before ?? this.startOf(row);
    if (start === undefined || (before !== undefined && row.seq !== expected))
      this.find(`${row.chain}/${expected}`, row.seq - expected > 1 ? `removed, up to ${row.seq - 1}` : 'removed');
    const isRight = start !== undefined && this.isSigned(row, signedText(row, start.mac));
    if (!isRight && (before === undefined ? start !== undefined : row.seq === expected))
      this.find(where, 'altered or inserted');
    if (isRight && row.kind === 'change' && row.action === 'audit.retain')
      this.retainedTo = Math.max(this.retainedTo, Number(row.subject));
    this.compare(row, where);
  }

  /** What an anchor knows of it, and whether one does. */
  private compare({ chain, seq, mac }: Row, where: string): void {
    const head = this.heads.get(where);
    if (head !== undefined && head.mac !== mac) this.find(where, `not the one that anchor ${head.anchor} knows`);
    const furthest = this.furthest.get(chain);
    if (furthest === undefined || seq > furthest.seq) this.unanchored++;
    if (seq === furthest?.seq) this.furthest.delete(chain);
  }

  /** The mac before the first event of a chain that is there: nothing, or what an anchor knows when the beginning was removed. */
  private startOf({ chain, seq }: Row): { mac: string } | undefined {
    if (seq === 1) return { mac: '' };
    const head = this.heads.get(`${chain}/${seq - 1}`);
    if (head !== undefined) this.cutChains.push({ chain, seq, anchor: head.anchor });
    return head;
  }

  private isSigned({ kid, mac }: { kid: string; mac: string }, text: string): boolean {
    return this.keys.signedWith(AUDIT_PURPOSE, kid, text) === mac;
  }

  private find(where: string, what: string): void {
    if (this.findings.length < MAX_FINDINGS) this.findings.push({ where, what });
  }
}

const NEXT = `
  select chain, seq, at, kind, action, outcome, principal, key_id as "keyId", address, agent, skill, subject, detail, kid, mac
  from audit_log where (chain, seq) > ($1, $2) order by chain, seq limit $3`;
