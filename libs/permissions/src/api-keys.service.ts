import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, In, IsNull, LessThan, MoreThan, Or, Repository } from 'typeorm';
import { Audit } from '@app/audit';
import { type Caller, DomainError } from '@app/core';
import { Revisions } from '@app/database';
import { hashKey } from '@app/secrets';
import { type Page, pageOf, startAfter } from '@app/web';
import { ApiKey } from './api-key.entity.js';
import type { ApiKeyQuery, ApiKeyView, CreatedApiKey, NewApiKey, Rotation } from './api-keys.schemas.js';
import type { KeyHolder } from './key-holder.js';
import { Permissions } from './permissions.js';
import { knownPrincipalId } from './principal-id.js';
import { permissionsOf, rolesAmong } from './roles.js';

/** Changes whenever a key is made or revoked, on any replica. */
export const API_KEYS_TOPIC = 'api_keys';

/** API keys as rows: made, listed, rotated, revoked, found by what a caller shows. */
@Injectable()
export class ApiKeysService {
  constructor(
    @InjectRepository(ApiKey) private readonly keys: Repository<ApiKey>,
    private readonly permissions: Permissions,
    private readonly revisions: Revisions,
    private readonly audit: Audit,
  ) {}

  /** @throws DomainError forbidden (more than the caller holds), invalid, not_found (an agent) */
  async create(caller: Caller, { name, roles, groups, principal, expiresAt }: NewApiKey): Promise<CreatedApiKey> {
    this.demandRoles(caller, roles);
    for (const what of ['groups', 'principal'] as const)
      if ((what === 'groups' ? groups.length : (principal?.length ?? 0)) > 0)
        await this.permissions.demand(caller, 'grants:write', { what });
    return this.keys.manager.transaction(async (manager) =>
      this.store(manager, caller, 'keys.create', {
        name,
        roles,
        groups: [...new Set(groups)],
        principal: principal === undefined ? null : await knownPrincipalId(manager, principal),
        expiresAt: expiresAt === undefined ? null : toCome(expiresAt),
      }),
    );
  }

  /**
   * A new key for the same principal; the old one works on for a while.
   * @throws DomainError not_found, conflict (rotated already), forbidden, invalid
   */
  async rotate(caller: Caller, id: string, { overlapSeconds, expiresAt }: Rotation): Promise<CreatedApiKey> {
    const created = await this.keys.manager.transaction(async (manager) => {
      const old = await manager.findOne(ApiKey, { where: { id }, lock: { mode: 'pessimistic_write' } });
      if (old === null || !opens(old)) throw new DomainError('not_found', `No API key ${id} that could be rotated`);
      if (old.replacedBy !== null)
        throw new DomainError('conflict', `The API key ${id} was rotated to ${old.replacedBy} already`);
      this.demandRoles(caller, rolesAmong(old.roles));
      const { name, roles, groups } = old;
      const until = expiresAt === undefined ? sameLife(old) : toCome(expiresAt);
      const holder = { principal: principalOf(old), name, roles, groups, expiresAt: until };
      const made = await this.store(manager, caller, 'keys.rotate', holder);
      const end = Date.now() + overlapSeconds * 1_000;
      const ends = new Date(Math.min(end, old.expiresAt?.getTime() ?? end));
      await manager.update(ApiKey, { id }, { replacedBy: made.id, expiresAt: ends });
      await this.revisions.bump(manager, API_KEYS_TOPIC);
      return made;
    });
    await this.revisions.check();
    return created;
  }

  async list({ page_size: size, page_token: token, principal }: ApiKeyQuery): Promise<Page<ApiKeyView>> {
    const rows = this.keys
      .createQueryBuilder('k')
      .orderBy('k.id')
      .take(size + 1);
    if (token !== undefined) rows.andWhere({ id: MoreThan(startAfter(token)) });
    if (principal !== undefined)
      rows.andWhere(`coalesce(k.principal, 'key:' || k.id) = :principal`, {
        principal: await knownPrincipalId(this.keys.manager, principal),
      });
    const page = pageOf(await rows.getMany(), size, (row) => row.id);
    return { ...page, items: page.items.map(viewOf) };
  }

  /** From now on (other replicas: within a second) the key opens nothing. */
  async revoke(caller: Caller, id: string): Promise<void> {
    await this.keys.manager.transaction(async (manager) => {
      const { affected } = await manager.update(ApiKey, { id, revokedAt: IsNull() }, { revokedAt: new Date() });
      if (!affected) throw new DomainError('not_found', `No API key ${id} that could be revoked`);
      await this.audit.change(manager, caller, 'keys.revoke', { subject: id });
      await this.revisions.bump(manager, API_KEYS_TOPIC);
    });
    await this.revisions.check();
  }

  /** Inside a transaction that removes this principal. Call `check` after its end. */
  async revokeAllOf(manager: EntityManager, principal: string): Promise<void> {
    const { affected } = await manager.update(ApiKey, { principal, revokedAt: IsNull() }, { revokedAt: new Date() });
    if (affected) await this.revisions.bump(manager, API_KEYS_TOPIC);
  }

  /** After a commit: this replica knows of it when the caller gets its answer. */
  check(): Promise<void> {
    return this.revisions.check();
  }

  /** Undefined: unknown, expired or revoked. */
  async holderOf(keyId: string): Promise<KeyHolder | undefined> {
    return holderIn(await this.keys.findOneBy({ id: keyId }));
  }

  /** Likewise, by the whole key. */
  async findActive(key: string): Promise<KeyHolder | undefined> {
    return holderIn(await this.keys.findOneBy({ hash: hashKey(key) }));
  }

  /** Notes that these keys were shown, to the minute. */
  async used(ids: readonly string[]): Promise<void> {
    const known = Or(IsNull(), LessThan(new Date(Date.now() - 60_000)));
    await this.keys.update({ id: In([...ids]), lastUsedAt: known }, { lastUsedAt: new Date() });
  }

  /** Nobody gives what he does not hold. @throws DomainError forbidden */
  private demandRoles(caller: Caller, roles: readonly string[]): void {
    const missing = [...permissionsOf(rolesAmong(roles))].filter((permission) => !caller.permissions.has(permission));
    if (missing.length === 0) return;
    const message = `roles: ${roles.join(', ')} may do what you may not: ${missing.join(', ')}`;
    throw this.permissions.forbidden(caller, 'keys:write', message);
  }

  private async store(
    manager: EntityManager,
    caller: Caller,
    action: string,
    row: Pick<ApiKey, 'name' | 'roles' | 'groups' | 'principal' | 'expiresAt'>,
  ): Promise<CreatedApiKey> {
    const id = randomBytes(8).toString('hex');
    const key = `a2a_${id}_${randomBytes(32).toString('base64url')}`;
    await manager.insert(ApiKey, { ...row, id, hash: hashKey(key), createdBy: caller.id });
    await this.audit.change(manager, caller, action, { subject: id, detail: { ...row } });
    return { ...viewOf(await manager.findOneByOrFail(ApiKey, { id })), key };
  }
}

const opens = ({ revokedAt, expiresAt }: ApiKey): boolean =>
  revokedAt === null && (expiresAt === null || expiresAt > new Date());

const principalOf = ({ id, principal }: ApiKey): string => principal ?? `key:${id}`;

function holderIn(row: ApiKey | null): KeyHolder | undefined {
  if (row === null || !opens(row)) return undefined;
  const { id: keyId, roles, groups, expiresAt } = row;
  return { keyId, principal: principalOf(row), roles, groups, expiresAt };
}

function toCome(time: string): Date {
  const date = new Date(time);
  if (date > new Date()) return date;
  throw new DomainError('invalid', 'expiresAt: expected a time to come');
}

function sameLife({ createdAt, expiresAt }: ApiKey): Date | null {
  return expiresAt === null ? null : new Date(Date.now() + expiresAt.getTime() - createdAt.getTime());
}

function viewOf(row: ApiKey): ApiKeyView {
  const { id, name, roles, groups, createdAt, createdBy, expiresAt, lastUsedAt, revokedAt, replacedBy } = row;
  return {
    id,
    name,
    principal: principalOf(row),
    roles,
    groups,
    createdAt: createdAt.toISOString(),
    createdBy,
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
    replacedBy,
  };
}
