import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, LessThan, Repository } from 'typeorm';
import { Audit } from '@app/audit';
import { Config } from '@app/config';
import { type Caller, DomainError } from '@app/core';
import { Revisions } from '@app/database';
import { type Page, pageOf, startAfterNumber } from '@app/web';
import { BlockedClientRow } from './blocked-client.entity.js';
import { RATE_LIMITS_TOPIC } from './rate-limit-rules.js';
import { RateLimitRow } from './rate-limit.entity.js';
import type {
  BlockView,
  NewBlock,
  NewRateLimit,
  RateLimitPage,
  RateLimitQuery,
  RateLimitView,
} from './rate-limits.schemas.js';

/** All of them are in memory on every replica. */
const MAX_ROWS = 10_000;

/** Limits and blocks as rows: set, listed, removed; live on every replica within a second. */
@Injectable()
export class RateLimitsService {
  constructor(
    @InjectRepository(RateLimitRow) private readonly limits: Repository<RateLimitRow>,
    @InjectRepository(BlockedClientRow) private readonly blocked: Repository<BlockedClientRow>,
    private readonly revisions: Revisions,
    private readonly config: Config,
    private readonly audit: Audit,
  ) {}

  /** Replaces what there was for the same principal, agent or pair. @throws DomainError invalid, conflict (too many) */
  async set(caller: Caller, input: NewRateLimit): Promise<RateLimitView> {
    const createdBy = caller.id;
    const { principal = null, agent = null, perMinute = null, burst = null, ...rest } = input;
    const { concurrentTasks = null, requestBytes = null, reason = null } = rest;
    const expiresAt = toCome(input.expiresAt);
    const row = await this.changed(this.limits, async (manager) => {
      const place = manager
        .createQueryBuilder(RateLimitRow, 'r')
        .where('coalesce(r.principal, :none) = :principal', { none: '', principal: principal ?? '' });
      const known = await place.andWhere('coalesce(r.agent, :none) = :agent', { agent: agent ?? '' }).getOne();
      const values = {
        principal,
        agent,
        perMinute,
        burst,
        concurrentTasks,
        requestBytes,
        reason,
        expiresAt,
        createdBy,
      };
      const saved = await manager.save(RateLimitRow, { ...(known !== null && { id: known.id }), ...values });
      await this.audit.change(manager, caller, 'limits.set', { subject: saved.id, detail: { ...input } });
      return manager.findOneByOrFail(RateLimitRow, { id: saved.id });
    });
    return limitView(row);
  }

  async list({ page_size: size, page_token: token }: RateLimitQuery): Promise<RateLimitPage> {
    const page = await pageOfRows(this.limits, size, token);
    const defaults = { ...this.config.rateLimits, ...this.config.quotas };
    return { defaults, ...page, items: page.items.map(limitView) };
  }

  /** @throws DomainError not_found */
  async remove(caller: Caller, id: string): Promise<void> {
    await this.changed(this.limits, async (manager) => {
      const { affected } = await manager.delete(RateLimitRow, { id });
      if (!affected) throw new DomainError('not_found', `No rate limit ${id}`);
      await this.audit.change(manager, caller, 'limits.remove', { subject: id });
    });
  }

  /** @throws DomainError invalid, conflict (too many) */
  async block(caller: Caller, input: NewBlock): Promise<BlockView> {
    const createdBy = caller.id;
    const { principal = null, network = null, reason = null } = input;
    const expiresAt = toCome(input.expiresAt);
    const row = await this.changed(this.blocked, async (manager) => {
      const saved = await manager.save(BlockedClientRow, { principal, network, reason, expiresAt, createdBy });
      await this.audit.change(manager, caller, 'limits.block', { subject: saved.id, detail: { ...input } });
      return manager.findOneByOrFail(BlockedClientRow, { id: saved.id });
    });
    return blockView(row);
  }

  async listBlocked({ page_size: size, page_token: token }: RateLimitQuery): Promise<Page<BlockView>> {
    const page = await pageOfRows(this.blocked, size, token);
    return { ...page, items: page.items.map(blockView) };
  }

  /** @throws DomainError not_found */
  async unblock(caller: Caller, id: string): Promise<void> {
    await this.changed(this.blocked, async (manager) => {
      const { affected } = await manager.delete(BlockedClientRow, { id });
      if (!affected) throw new DomainError('not_found', `No blocked client ${id}`);
      await this.audit.change(manager, caller, 'limits.unblock', { subject: id });
    });
  }

  /** One transaction; this replica knows of it when the caller gets its answer. Those that expired make room. */
  private async changed<T, R extends RateLimitRow | BlockedClientRow>(
    rows: Repository<R>,
    work: (manager: EntityManager) => Promise<T>,
  ): Promise<T> {
    const result = await rows.manager.transaction(async (manager) => {
      await manager.delete(rows.target, { expiresAt: LessThan(new Date()) });
      const done = await work(manager);
      if ((await manager.count(rows.target)) > MAX_ROWS)
        throw new DomainError('conflict', `There are ${MAX_ROWS} already; remove some first`);
      await this.revisions.bump(manager, RATE_LIMITS_TOPIC);
      return done;
    });
    await this.revisions.check();
    return result;
  }
}

async function pageOfRows<R extends RateLimitRow | BlockedClientRow>(
  rows: Repository<R>,
  size: number,
  token: string | undefined,
): Promise<Page<R>> {
  const select = rows
    .createQueryBuilder('r')
    .orderBy('r.id')
    .take(size + 1);
  if (token !== undefined) select.where('r.id > :after', { after: startAfterNumber(token) });
  return pageOf(await select.getMany(), size, ({ id }) => id);
}

function toCome(time: string | undefined): Date | null {
  if (time === undefined) return null;
  const date = new Date(time);
  if (date > new Date()) return date;
  throw new DomainError('invalid', 'expiresAt: expected a time to come');
}

function limitView(row: RateLimitRow): RateLimitView {
  const { principal, agent, perMinute, burst, concurrentTasks, requestBytes } = row;
  return {
    ...commonView(row),
    ...withoutNulls({ principal, agent, perMinute, burst, concurrentTasks, requestBytes }),
  };
}

const blockView = (row: BlockedClientRow): BlockView => ({
  ...commonView(row),
  ...withoutNulls({ principal: row.principal, network: row.network }),
});

function commonView({ id, reason, expiresAt, createdBy, createdAt }: RateLimitRow | BlockedClientRow) {
  return {
    id,
    createdBy,
    createdAt: createdAt.toISOString(),
    ...withoutNulls({ reason, expiresAt: expiresAt?.toISOString() ?? null }),
  };
}

type Optional<T> = { [K in keyof T]?: NonNullable<T[K]> };
const withoutNulls = <T extends object>(values: T): Optional<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)) as Optional<T>;
