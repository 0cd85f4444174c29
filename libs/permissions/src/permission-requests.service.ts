import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository, type SelectQueryBuilder } from 'typeorm';
import { Audit } from '@app/audit';
import { type Caller, DomainError } from '@app/core';
import { Revisions } from '@app/database';
import { type Page, pageOf, startAfterNumber } from '@app/web';
import { GrantsService } from './grants.service.js';
import type {
  Approval,
  GrantView,
  NewPermissionRequest,
  PermissionRequestQuery,
  PermissionRequestView,
} from './grants.schemas.js';
import { principalId } from './principal-id.js';
import { PermissionRequestRow } from './permission-request.entity.js';
import { Permissions } from './permissions.js';

const PENDING_MS = 24 * 3_600_000;
/** Requests of one principal that nobody has decided yet. */
const MAX_PENDING = 50;

/** Asking for permissions, and approving or denying that. */
@Injectable()
export class PermissionRequestsService {
  constructor(
    @InjectRepository(PermissionRequestRow) private readonly requests: Repository<PermissionRequestRow>,
    private readonly grants: GrantsService,
    private readonly permissions: Permissions,
    private readonly revisions: Revisions,
    private readonly audit: Audit,
  ) {}

  /** @throws DomainError conflict (too many are open), invalid */
  async create(caller: Caller, input: NewPermissionRequest): Promise<PermissionRequestView> {
    const { actions, resources, timeRange = null, expiresAt, reason } = input;
    const open = await this.select({ state: 'pending' }).andWhere('r.principal = :id', { id: caller.id }).getCount();
    if (open >= MAX_PENDING)
      throw new DomainError('conflict', `${open} requests of yours are open already; at most ${MAX_PENDING} may be`);
    const id = await this.requests.manager.transaction(async (db) => {
      const saved = await db.save(PermissionRequestRow, {
        principal: caller.id,
        actions: [...new Set(actions)],
        resources,
        timeRange,
        expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
        reason,
        requestExpiresAt: new Date(Date.now() + PENDING_MS),
      });
      const detail = { actions, resources, reason };
      await this.audit.change(db, caller, 'requests.create', { subject: saved.id, detail });
      return saved.id;
    });
    return viewOf(await this.requests.findOneByOrFail({ id }));
  }

  /** Newest first: all for who may read grants or has something to hand on, else the caller's own. */
  async list(caller: Caller, query: PermissionRequestQuery): Promise<Page<PermissionRequestView>> {
    const { principal, state, page_size, page_token } = query;
    const rows = this.select({ state })
      .orderBy('r.id', 'DESC')
      .take(page_size + 1);
    if (!(await this.seesAll(caller))) rows.andWhere('r.principal = :me', { me: caller.id });
    if (principal !== undefined)
      rows.andWhere('r.principal = :principal', {
        principal: (await principalId(this.requests.manager, principal)) ?? '',
      });
    if (page_token !== undefined) rows.andWhere('r.id < :after', { after: startAfterNumber(page_token) });
    const page = pageOf(await rows.getMany(), page_size, ({ id }) => id);
    return { ...page, items: page.items.map(viewOf) };
  }

  /** @throws DomainError not_found */
  async get(caller: Caller, id: string): Promise<PermissionRequestView> {
    const request = await this.requests.findOneBy({ id });
    if (request === null || (request.principal !== caller.id && !(await this.seesAll(caller)))) throw unknown(id);
    return viewOf(request);
  }

  /**
   * Makes the grant that was asked for, if the approver could make it anyway.
   * @throws DomainError not_found, forbidden, conflict (decided or expired)
   */
  async approve(
    caller: Caller,
    id: string,
    approval: Approval,
  ): Promise<{ request: PermissionRequestView; grant: GrantView }> {
    await this.get(caller, id);
    const approved = await this.requests.manager.transaction(async (db) => {
      const request = await pending(db, id);
      const { principal, actions, resources, reason } = request;
      const grant = await this.grants.createIn(db, caller, {
        principal,
        effect: 'allow',
        actions,
        resources,
        ...(request.timeRange !== null && {
          timeRange: { ...request.timeRange, days: request.timeRange.days?.slice() },
        }),
        expiresAt: approval.expiresAt ?? request.expiresAt?.toISOString(),
        reason: approval.reason ?? reason,
        delegable: approval.delegable,
      });
      await decided(db, id, { state: 'approved', by: caller.id, reason: approval.reason, grantId: grant.id });
      await this.audit.change(db, caller, 'requests.approve', { subject: id, detail: { grant: grant.id } });
      return grant.id;
    });
    await this.revisions.check();
    return { request: await this.get(caller, id), grant: await this.grants.get(caller, approved) };
  }

  /** @throws DomainError not_found, forbidden, conflict (decided or expired) */
  async deny(caller: Caller, id: string, reason?: string): Promise<PermissionRequestView> {
    const { principal } = await this.get(caller, id);
    // Whoever asked may take it back.
    if (principal !== caller.id && !(await this.seesAll(caller))) throw unknown(id);
    const access = await this.permissions.accessOf(caller);
    if (principal !== caller.id && !access.mayGrant)
      throw this.permissions.forbidden(caller, 'grants:write', 'Needs grants:write, or a delegable grant');
    await this.requests.manager.transaction(async (db) => {
      await pending(db, id);
      await decided(db, id, { state: 'denied', by: caller.id, reason });
      await this.audit.change(db, caller, 'requests.deny', { subject: id, detail: { reason } });
    });
    return this.get(caller, id);
  }

  private async seesAll(caller: Caller): Promise<boolean> {
    const access = await this.permissions.accessOf(caller);
    return access.allows('grants:read') || access.delegable.length > 0;
  }

  private select({ state }: { state?: PermissionRequestView['state'] }): SelectQueryBuilder<PermissionRequestRow> {
    const rows = this.requests.createQueryBuilder('r').where('true');
    return state === undefined ? rows : rows.andWhere(IN_STATE[state]);
  }
}

const IN_STATE: Readonly<Record<PermissionRequestView['state'], string>> = {
  pending: `r.state = 'pending' and r.request_expires_at > now()`,
  expired: `r.state = 'pending' and r.request_expires_at <= now()`,
  approved: `r.state = 'approved'`,
  denied: `r.state = 'denied'`,
};

const unknown = (id: string): DomainError => new DomainError('not_found', `No permission request ${id}`);

/** Locks it: of two who decide at the same time one comes too late. */
async function pending(db: EntityManager, id: string): Promise<PermissionRequestRow> {
  const request = await db.findOne(PermissionRequestRow, { where: { id }, lock: { mode: 'pessimistic_write' } });
  if (request === null) throw unknown(id);
  const { state } = viewOf(request);
  if (state !== 'pending') throw new DomainError('conflict', `The permission request ${id} is ${state}`);
  return request;
}

async function decided(
  db: EntityManager,
  id: string,
  { state, by, reason, grantId }: { state: 'approved' | 'denied'; by: string; reason?: string; grantId?: string },
): Promise<void> {
  const decision = { decidedBy: by, decidedAt: new Date(), decisionReason: reason ?? null };
  await db.update(PermissionRequestRow, { id }, { state, ...decision, grantId: grantId ?? null });
}

function viewOf(row: PermissionRequestRow): PermissionRequestView {
  const { id, principal, actions, resources, timeRange, expiresAt, reason, state, requestExpiresAt, createdAt } = row;
  const isLate = state === 'pending' && requestExpiresAt <= new Date();
  return {
    id,
    principal,
    actions,
    resources,
    ...(timeRange !== null && { timeRange: { ...timeRange, days: timeRange.days?.slice() } }),
    ...(expiresAt !== null && { expiresAt: expiresAt.toISOString() }),
    reason,
    state: isLate ? 'expired' : state,
    requestExpiresAt: requestExpiresAt.toISOString(),
    createdAt: createdAt.toISOString(),
    ...(row.decidedBy !== null && { decidedBy: row.decidedBy }),
    ...(row.decidedAt !== null && { decidedAt: row.decidedAt.toISOString() }),
    ...(row.decisionReason !== null && { decisionReason: row.decisionReason }),
    ...(row.grantId !== null && { grantId: row.grantId }),
  };
}
