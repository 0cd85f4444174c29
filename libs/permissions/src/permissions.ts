import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Audit } from '@app/audit';
import { type Caller, DomainError, type Permission } from '@app/core';
import { Revisions } from '@app/database';
import { Access, whyNot } from './access.js';
import { BOOTSTRAP } from './bootstrap-key.js';
import { EVERYBODY, type Resource } from './grant.js';
import { GrantRow } from './grant.entity.js';

/** Changes with every grant that is made or revoked, on any replica. */
export const GRANTS_TOPIC = 'grants';
/** Principals whose grants are remembered. */
const MAX_REMEMBERED = 10_000;

/** What callers may do: read once for each principal and revision, so that asking costs no statement. */
@Injectable()
export class Permissions implements OnModuleInit, OnModuleDestroy {
  private remembered = new Map<string, Access>();
  /** Callers that are one object for many messages need not be compared by what they are. */
  private byCaller = new WeakMap<object, Access>();
  private readonly listeners = new Set<() => void>();
  private stopWatching = (): void => undefined;

  constructor(
    @InjectRepository(GrantRow) private readonly grants: Repository<GrantRow>,
    private readonly revisions: Revisions,
    private readonly audit: Audit,
  ) {}

  onModuleInit(): void {
    this.stopWatching = this.revisions.watch(GRANTS_TOPIC, () => {
      this.remembered = new Map();
      this.byCaller = new WeakMap();
      for (const listener of this.listeners) listener();
    });
  }

  onModuleDestroy(): void {
    this.stopWatching();
  }

  /** Called after grants changed on any replica. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Synchronous for a principal that asked before. Ask again for each message: what may be done changes. */
  accessOf(caller: Pick<Caller, 'id' | 'keyId' | 'roles' | 'groups'>): Access | Promise<Access> {
    const known = this.byCaller.get(caller);
    if (known !== undefined) return known;
    const name = JSON.stringify([caller.id, caller.keyId === BOOTSTRAP, caller.roles, caller.groups]);
    const access = this.remembered.get(name);
    if (access === undefined) return this.read(name, caller);
    this.byCaller.set(caller, access);
    return access;
  }

  /**
   * May the caller do this? What it may not is recorded.
   * @param what it is about: said in the error
   * @throws DomainError forbidden
   */
  async demand(caller: Caller, action: Permission, about: { resource?: Resource; what: string }): Promise<Access> {
    const access = await this.accessOf(caller);
    const { allowed, grants } = access.decide(action, about.resource);
    if (!allowed) throw this.forbidden(caller, action, `${action} on ${about.what}: ${whyNot(grants)}`);
    return access;
  }

  /** May the caller see this? If not, what was asked for does not exist, and that it was asked for is recorded. */
  async maySee(
    caller: Caller,
    resource: Resource,
    what: string,
    action: 'agents:read' | 'workflows:read' = 'agents:read',
  ): Promise<boolean> {
    const isSeen = (await this.accessOf(caller)).allows(action, resource);
    if (!isSeen) this.hidden(caller, action, what);
    return isSeen;
  }

  /** Something is as if it did not exist because the caller may not do this with it, which is recorded. */
  hidden(caller: Caller, action: Permission, what: string): void {
    this.audit.denied(caller, action, { detail: { what } });
  }

  /** The error for what a caller may not do, which is recorded. */
  forbidden(caller: Caller, action: Permission, message: string): DomainError {
    this.audit.denied(caller, action, { detail: { message } });
    return new DomainError('forbidden', message);
  }

  private async read(name: string, caller: Pick<Caller, 'id' | 'keyId' | 'roles' | 'groups'>): Promise<Access> {
    const remembered = this.remembered; // a change meanwhile replaces the map, and this answer is not kept
    const access = new Access(caller, caller.keyId === BOOTSTRAP ? [] : await this.grantsOf(caller));
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(name, access);
    return access;
  }

  /** In force, or will be. The bootstrap key has none: whoever locked everybody out must be able to mend it. */
  private grantsOf({ id, groups }: Pick<Caller, 'id' | 'groups'>): Promise<GrantRow[]> {
    return this.grants
      .createQueryBuilder('g')
      .where('g.revoked_at is null and (g.expires_at is null or g.expires_at > now())')
      .andWhere(
        `((g.subject_kind = 'principal' and g.subject = :id) or (g.subject_kind = 'group' and g.subject in (:...groups)))`,
        { id, groups: [EVERYBODY, ...groups] },
      )
      .orderBy('g.id')
      .getMany();
  }
}
