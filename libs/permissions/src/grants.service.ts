import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { Audit } from '@app/audit';
import { type Caller, DomainError } from '@app/core';
import { Revisions } from '@app/database';
import { type Page, pageOf, startAfterNumber } from '@app/web';
import type { Access } from './access.js';
import { covers, type Wanted } from './delegation.js';
import type { Selector } from './grant.js';
import { grantViews } from './grant-view.js';
import { GrantRow } from './grant.entity.js';
import type { GrantQuery, GrantView, NewGrant, SelectorInput } from './grants.schemas.js';
import { GRANTS_TOPIC, Permissions } from './permissions.js';
import { knownPrincipalId, principalId } from './principal-id.js';
import { agentIds, revokeTree } from './sql-grants.js';

/** Grants in force that one principal or group may have. */
const MAX_GRANTS_OF_ONE = 1_000;

/** Grants as rows: made, handed on, listed, revoked. */
@Injectable()
export class GrantsService {
  constructor(
    @InjectRepository(GrantRow) private readonly grants: Repository<GrantRow>,
    private readonly permissions: Permissions,
    private readonly revisions: Revisions,
    private readonly audit: Audit,
  ) {}

  /**
   * Holders of `grants:write` give what they like; others hand on what they hold by a delegable grant.
   * @throws DomainError forbidden, not_found (an agent), conflict (too many)
   */
  async create(caller: Caller, input: NewGrant): Promise<GrantView> {
    const row = await this.grants.manager.transaction((db) => this.createIn(db, caller, input));
    await this.revisions.check();
    return this.view(row);
  }

  /** The same as a part of something larger. Call `revisions.check` after its end. */
  async createIn(db: EntityManager, caller: Caller, input: NewGrant): Promise<GrantRow> {
    const access = await this.permissions.accessOf(caller);
    const row = await this.rowFor(db, caller, input, access);
    await this.checkRoom(db, row);
    const saved = await db.save(GrantRow, row);
    const { subjectKind, subject, effect, actions, resources, delegable, reason, parentId } = row;
    const detail = { subjectKind, subject, effect, actions, resources, delegable, reason, parentId };
    await this.audit.change(db, caller, 'grants.create', { subject: saved.id, detail });
    await this.revisions.bump(db, GRANTS_TOPIC);
    return db.findOneByOrFail(GrantRow, { id: saved.id });
  }

  /** Newest first: all for who may read grants, else the caller's own and those it made. */
  async list(caller: Caller, query: GrantQuery): Promise<Page<GrantView>> {
    const access = await this.permissions.accessOf(caller);
    const rows = await this.select(caller, access, query);
    const page = pageOf(rows, query.page_size, ({ id }) => id);
    return { ...page, items: await grantViews(this.grants.manager, page.items) };
  }

  /** @throws DomainError not_found */
  async get(caller: Caller, id: string): Promise<GrantView> {
    return this.view(await this.visible(caller, id));
  }

  /**
   * Revokes it and all that was handed on from it; holds on other replicas within a second.
   * @throws DomainError not_found, forbidden, conflict (it is over)
   */
  async revoke(caller: Caller, id: string, reason?: string): Promise<readonly string[]> {
    const grant = await this.visible(caller, id);
    const access = await this.permissions.accessOf(caller);
    const isOwn = grant.createdBy === caller.id || isSubject(grant, caller);
    if (!isOwn && !access.allows('grants:write'))
      throw this.permissions.forbidden(
        caller,
        'grants:write',
        `Only who made or holds the grant ${id}, or may write grants, may revoke it`,
      );
    const revoked = await this.grants.manager.transaction(async (db) => {
      const ids = await revokeTree(db, id, caller.id, reason ?? null);
      if (!ids.includes(id)) throw new DomainError('conflict', `The grant ${id} was revoked already`);
      await this.audit.change(db, caller, 'grants.revoke', { subject: id, detail: { revoked: [...ids], reason } });
      await this.revisions.bump(db, GRANTS_TOPIC);
      return ids;
    });
    await this.revisions.check();
    return revoked;
  }

  private async view(row: GrantRow): Promise<GrantView> {
    const [view] = await grantViews(this.grants.manager, [row]);
    if (view === undefined) throw new Error('A row without a view');
    return view;
  }

  private async visible(caller: Caller, id: string): Promise<GrantRow> {
    const grant = await this.grants.findOneBy({ id });
    const access = await this.permissions.accessOf(caller);
    const isTheirs = grant !== null && (grant.createdBy === caller.id || isHeld(grant, caller));
    if (grant === null || (!isTheirs && !access.allows('grants:read')))
      throw new DomainError('not_found', `No grant ${id}`);
    return grant;
  }

  private async rowFor(db: EntityManager, caller: Caller, input: NewGrant, access: Access): Promise<Partial<GrantRow>> {
    const { principal, group = '', effect, actions, delegable, reason } = input;
    const mayWrite = access.allows('grants:write');
    const wanted = await this.wanted(db, input, mayWrite);
    const parent = mayWrite ? undefined : wanted && heldFor(access, wanted);
    const who = principal === undefined ? group : await subjectOf(db, principal, mayWrite);
    if (wanted === undefined || who === undefined || (!mayWrite && parent === undefined))
      throw this.permissions.forbidden(caller, 'grants:write', NOT_HELD);
    return {
      subjectKind: principal === undefined ? 'group' : 'principal',
      subject: who,
      effect,
      actions: [...new Set(actions)],
      resources: [...wanted.resources],
      timeRange: wanted.timeRange,
      expiresAt: wanted.expiresAt ?? parent?.expiresAt ?? null,
      delegable,
      reason: reason ?? null,
      parentId: parent?.id ?? null,
      createdBy: caller.id,
    };
  }

  /** Undefined: it names an agent that there is not, and the caller may not know. */
  private async wanted(db: EntityManager, input: NewGrant, mayWrite: boolean): Promise<Wanted | undefined> {
    const { effect, actions, resources, timeRange = null, expiresAt } = input;
    const until = expiresAt === undefined ? null : new Date(expiresAt);
    if (until !== null && until <= new Date()) throw new DomainError('invalid', 'expiresAt: expected a time to come');
    const selectors = resources === '*' ? [{}] : await bound(db, resources, mayWrite);
    return selectors && { effect, actions, resources: selectors, timeRange, expiresAt: until };
  }

  private async checkRoom(db: EntityManager, { subjectKind, subject }: Partial<GrantRow>): Promise<void> {
    const count = await db
      .createQueryBuilder(GrantRow, 'g')
      .where('g.subject_kind = :subjectKind and g.subject = :subject and g.revoked_at is null', {
        subjectKind,
        subject,
      })
      .andWhere('(g.expires_at is null or g.expires_at > now())')
      .getCount();
    if (count >= MAX_GRANTS_OF_ONE)
      throw new DomainError('conflict', `${subject} has ${count} grants already, and may have ${MAX_GRANTS_OF_ONE}`);
  }

  private async select(caller: Caller, access: Access, query: GrantQuery): Promise<GrantRow[]> {
    const { principal, group, agent, state, page_size, page_token } = query;
    const rows = this.grants
      .createQueryBuilder('g')
      .orderBy('g.id', 'DESC')
      .take(page_size + 1);
    if (!access.allows('grants:read'))
      rows.andWhere(
        `(g.created_by = :me or (g.subject_kind = 'principal' and g.subject = :me)
          or (g.subject_kind = 'group' and g.subject = any (:groups)))`,
        { me: caller.id, groups: [...caller.groups] },
      );
    if (page_token !== undefined) rows.andWhere('g.id < :after', { after: startAfterNumber(page_token) });
    if (principal !== undefined)
      rows.andWhere(`g.subject_kind = 'principal' and g.subject = :principal`, {
        // What is not there has no grants: who asks learns nothing about which agents there are.
        principal: (await principalId(this.grants.manager, principal)) ?? '',
      });
    if (group !== undefined) rows.andWhere(`g.subject_kind = 'group' and g.subject = :group`, { group });
    if (agent !== undefined)
      rows.andWhere('g.resources @> :selector', {
        selector: JSON.stringify([{ agent: (await agentIds(this.grants.manager, [agent])).get(agent) ?? '' }]),
      });
    if (state !== undefined) rows.andWhere(IN_STATE[state]);
    return rows.getMany();
  }
}

const IN_STATE: Readonly<Record<GrantView['state'], string>> = {
  active: 'g.revoked_at is null and (g.expires_at is null or g.expires_at > now())',
  expired: 'g.revoked_at is null and g.expires_at <= now()',
  revoked: 'g.revoked_at is not null',
};

const isSubject = ({ subjectKind, subject }: GrantRow, { id }: Caller): boolean =>
  subjectKind === 'principal' && subject === id;

const isHeld = (grant: GrantRow, caller: Caller): boolean =>
  isSubject(grant, caller) || (grant.subjectKind === 'group' && caller.groups.includes(grant.subject));

/** Undefined: no such agent, and the caller may not know. @throws DomainError not_found */
const subjectOf = (db: EntityManager, principal: string, mayKnow: boolean): Promise<string | undefined> =>
  mayKnow ? knownPrincipalId(db, principal) : principalId(db, principal);

const heldFor = (access: Access, wanted: Wanted): GrantRow | undefined =>
  access.delegable.find((grant) => covers(grant, { ...wanted, expiresAt: wanted.expiresAt ?? grant.expiresAt }));

const NOT_HELD = 'Needs grants:write, or a delegable grant of yours that holds all of it and for as long';

/** Grants name agents by id: one that is registered again under the same slug inherits nothing. */
async function bound(
  db: EntityManager,
  inputs: readonly SelectorInput[],
  mayKnow: boolean,
): Promise<Selector[] | undefined> {
  const ids = await agentIds(
    db,
    inputs.flatMap(({ agent }) => agent ?? []),
  );
  const missing = inputs.findIndex(({ agent }) => agent !== undefined && !ids.has(agent));
  // Who may not write grants learns nothing about which agents there are.
  if (missing >= 0 && !mayKnow) return undefined;
  if (missing >= 0)
    throw new DomainError('not_found', `resources.${missing}.agent: no agent ${inputs[missing]?.agent}`);
  return inputs.map(({ agent, ...rest }) => (agent === undefined ? rest : { ...rest, agent: ids.get(agent) }));
}
