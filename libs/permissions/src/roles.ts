import { PERMISSIONS, type Permission, type Role, ROLES } from '@app/core';

const OWN_WORK: readonly Permission[] = ['tasks:read', 'tasks:write', 'requests:write'];

/** What each role may do, on everything there is. What it may do with single agents beside that is granted. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  /** Sees the agents. */
  viewer: [...OWN_WORK, 'agents:read', 'workflows:read'],
  /** Works with the agents that were granted. */
  user: OWN_WORK,
  /** Runs the server: agents, callers' limits. */
  operator: [
    ...OWN_WORK,
    'agents:read',
    'agents:write',
    'agents:call',
    'workflows:read',
    'workflows:write',
    'workflows:run',
    'events:write',
    'limits:read',
    'limits:write',
  ],
  admin: PERMISSIONS,
  /** Sees who may do what and who did. */
  auditor: [...OWN_WORK, 'agents:read', 'workflows:read', 'audit:read', 'grants:read', 'keys:read', 'limits:read'],
};

const known = new Map<string, ReadonlySet<Permission>>();

/** All that some roles give together; the same set for the same roles. */
export function permissionsOf(roles: readonly Role[]): ReadonlySet<Permission> {
  const name = roles.toSorted().join();
  const set = known.get(name) ?? new Set(roles.flatMap((role) => ROLE_PERMISSIONS[role]));
  known.set(name, set);
  return set;
}

/** The roles among names from elsewhere; a name that means nothing here gives nothing. */
export const rolesAmong = (names: readonly string[]): Role[] => ROLES.filter((role) => names.includes(role));
