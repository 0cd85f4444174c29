import type { Caller, Permission } from '@app/core';
import { type Decision, decide, mayAnywhere, rolesGive } from './decision.js';
import type { Grant, Resource } from './grant.js';
import type { GrantRow } from './grant.entity.js';

/** What one principal may do, with its roles and the grants of it and its groups at one revision. */
export class Access {
  constructor(
    readonly caller: Pick<Caller, 'id' | 'roles' | 'groups'>,
    readonly grants: readonly GrantRow[],
  ) {}

  /** The same question may be answered otherwise at another time: some grant counts only now and then, or ends. */
  get isChanging(): boolean {
    return this.grants.some(({ expiresAt, timeRange }) => expiresAt !== null || timeRange !== null);
  }

  /** It may be done with everything: no grant has a say. */
  isUnlimited(action: Permission): boolean {
    return this.grants.every(({ effect }) => effect === 'allow') && rolesGive(this.caller.roles, action);
  }

  decide(action: Permission, resource?: Resource, now = new Date()): Decision {
    return decide(this.caller.roles, this.grants, action, resource, now);
  }

  allows(action: Permission, resource?: Resource): boolean {
    return this.decide(action, resource).allowed;
  }

  /** Whether there may be anything that it can be done with. */
  mayAnywhere(action: Permission): boolean {
    return mayAnywhere(this.caller.roles, this.grants, action, new Date());
  }

  /** What it may hand on. */
  get delegable(): readonly GrantRow[] {
    return this.grants.filter(({ delegable, effect }) => delegable && effect === 'allow');
  }

  /** May give others something: by permission, or by handing on. */
  get mayGrant(): boolean {
    return this.allows('grants:write') || this.delegable.length > 0;
  }
}

/** For the caller, who need not know more of what others decided. */
export const whyNot = (denying: readonly Grant[]): string =>
  denying.length > 0
    ? `denied by grant ${denying.map(({ id }) => id).join(', ')}`
    : 'not granted; ask for it with request_permission or POST /api/v1/permissions/requests';
