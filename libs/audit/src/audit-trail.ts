import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type Page, pageOf, startAfterNumber } from '@app/web';
import type { JsonObject } from '@app/core';
import { Repository } from 'typeorm';
import { AuditRow } from './audit-row.entity.js';
import type { AuditEventView, AuditQuery } from './audit.schemas.js';
import { Sealer } from './sealer.js';

/** Events one statement brings when all are read. */
const BATCH = 1_000;

type Filters = Omit<AuditQuery, 'page_size' | 'page_token'>;

/** What was done, newest first. */
@Injectable()
export class AuditTrail {
  constructor(
    @InjectRepository(AuditRow) private readonly rows: Repository<AuditRow>,
    private readonly sealer: Sealer,
  ) {}

  async page({ page_size: size, page_token: token, ...filters }: AuditQuery): Promise<Page<AuditEventView>> {
    await this.sealer.seal();
    const rows = await this.read(filters, size + 1, token === undefined ? undefined : startAfterNumber(token));
    const page = pageOf(rows, size, ({ id }) => id);
    return { ...page, items: page.items.map(viewOf) };
  }

  /** All of them, as JSON lines. */
  async *lines({ page_token: token, ...query }: AuditQuery): AsyncGenerator<string, void, undefined> {
    await this.sealer.seal();
    const { page_size: step, ...filters } = { ...query, page_size: BATCH };
    let before = token === undefined ? undefined : startAfterNumber(token);
    for (;;) {
      const rows = await this.read(filters, step, before);
      if (rows.length > 0) yield rows.map((row) => `${JSON.stringify(viewOf(row))}\n`).join('');
      before = rows.at(-1)?.id;
      if (rows.length < step) return;
    }
  }

  private read({ from, to, ...equal }: Filters, limit: number, before?: string): Promise<AuditRow[]> {
    const select = this.rows.createQueryBuilder('a').where('true').orderBy('a.id', 'DESC').take(limit);
    for (const [name, value] of Object.entries(equal))
      if (value !== undefined) select.andWhere(`a.${name} = :${name}`, { [name]: value });
    if (from !== undefined) select.andWhere('a.at >= :from', { from: new Date(from) });
    if (to !== undefined) select.andWhere('a.at < :to', { to: new Date(to) });
    if (before !== undefined) select.andWhere('a.id < :before', { before });
    return select.getMany();
  }
}

function viewOf(row: AuditRow): AuditEventView {
  const { chain, seq, at, kind, action, outcome, principal, keyId, address, agent, skill, subject, detail } = row;
  const who = { principal, keyId, address, agent, skill, subject };
  return {
    id: `${chain}/${seq}`,
    at: at.toISOString(),
    kind,
    action,
    outcome,
    ...(Object.fromEntries(Object.entries(who).filter(([, value]) => value !== null)) as Partial<AuditEventView>),
    ...(detail !== null && { detail: JSON.parse(detail) as JsonObject }),
  };
}
