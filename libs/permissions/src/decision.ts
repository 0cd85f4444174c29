import type { Permission, Role } from '@app/core';
import type { Effect, Grant, Resource, Selector } from './grant.js';
import { ROLE_PERMISSIONS } from './roles.js';
import { isWithin } from './time-range.js';

export interface Decision {
  readonly allowed: boolean;
  /** The grants that decided: those that deny, else those that allow. None: nobody allowed it. */
  readonly grants: readonly Grant[];
  /** The roles that allow it, when no grant denies it. */
  readonly roles: readonly Role[];
}

/** Who may call or change something may see it; what may not be seen may not be called or changed either. */
const IMPLIES: Partial<Readonly<Record<Permission, readonly Permission[]>>> = {
  'agents:call': ['agents:read'],
  'agents:write': ['agents:read'],
  'grants:write': ['grants:read'],
  'keys:write': ['keys:read'],
  'limits:write': ['limits:read'],
  'workflows:run': ['workflows:read'],
  'workflows:write': ['workflows:read'],
  'secrets:write': ['secrets:read'],
};

/** Actions that are about one thing at a time; the others are about everything. */
const SCOPED: ReadonlySet<Permission> = new Set<Permission>([
  'agents:read',
  'agents:call',
  'agents:write',
  'workflows:read',
  'workflows:write',
  'workflows:run',
]);

/**
 * May somebody with these roles and grants do this? Deny wins; nothing is allowed without a role or a grant.
 * @param grants of the principal and its groups
 * @param resource undefined: what is not about one thing
 */
export function decide(
  roles: readonly Role[],
  grants: readonly Grant[],
  action: Permission,
  resource: Resource | undefined,
  now: Date,
): Decision {
  const about = grants.filter((grant) => applies(grant, action, resource, now));
  const denies = about.filter(({ effect }) => effect === 'deny');
  if (denies.length > 0) return { allowed: false, grants: denies, roles: [] };
  const allowing = roles.filter((role) => rolesGive([role], action));
  return { allowed: about.length > 0 || allowing.length > 0, grants: about, roles: allowing };
}

/** Whether there may be anything that this can be done with: asked before the thing is known. */
export function mayAnywhere(roles: readonly Role[], grants: readonly Grant[], action: Permission, now: Date): boolean {
  if (!SCOPED.has(action)) return decide(roles, grants, action, undefined, now).allowed;
  return (
    rolesGive(roles, action) ||
    grants.some((grant) => grant.effect === 'allow' && isInForce(grant, now) && isAbout(grant, action))
  );
}

/** Whether one of the roles gives it, with everything there is. */
export const rolesGive = (roles: readonly Role[], action: Permission): boolean =>
  roles.some((role) => ROLE_PERMISSIONS[role].some((given) => gives(given, action)));

/** Whether holding one permission gives another, or is it. */
export const gives = (held: Permission, wanted: Permission): boolean =>
  held === wanted || (IMPLIES[held]?.includes(wanted) ?? false);

function applies(grant: Grant, action: Permission, resource: Resource | undefined, now: Date): boolean {
  if (!isInForce(grant, now) || !isAbout(grant, action)) return false;
  return grant.resources.some((selector) => fits(selector, grant.effect, action, resource));
}

function isInForce({ expiresAt, timeRange }: Grant, now: Date): boolean {
  if (expiresAt !== null && expiresAt <= now) return false;
  return timeRange === null || isWithin(timeRange, now);
}

const isAbout = ({ effect, actions }: Grant, action: Permission): boolean =>
  actions.some((named) => (effect === 'allow' ? gives(named, action) : gives(action, named)));

function fits(selector: Selector, effect: Effect, action: Permission, resource: Resource | undefined): boolean {
  const { agent, tag, category, workflow } = selector;
  if (resource === undefined) return Object.keys(selector).length === 0;
  return (
    (agent === undefined || agent === resource.agent) &&
    (tag === undefined || resource.tags.includes(tag)) &&
    (category === undefined || category === resource.category) &&
    (workflow === undefined || workflow === resource.workflow) &&
    fitsSkill(selector.skill, effect, action, resource)
  );
}

/**
 * An agent as a whole is seen by who may see one skill of it, but called and changed only by who may use all of it: nobody
 * can know which skill it will use.
 */
function fitsSkill(named: string | undefined, effect: Effect, action: Permission, { agent, skill }: Resource): boolean {
  if (named === undefined) return true;
  if (skill !== undefined) return named === skill;
  return agent !== undefined && (action === 'agents:read') === (effect === 'allow');
}
