/** What a REST route or a tool may ask of its caller. */
export const PERMISSIONS = [
  'agents:read',
  'agents:write',
  'agents:call',
  'tasks:read',
  'tasks:write',
  'workflows:read',
  'workflows:write',
  'workflows:run',
  'events:write',
  'keys:read',
  'keys:write',
  'grants:read',
  'grants:write',
  'requests:write',
  'limits:read',
  'limits:write',
  'audit:read',
  'secrets:read',
  'secrets:write',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** What a caller is, in one word; each role is a set of permissions (libs/permissions). */
export const ROLES = ['viewer', 'user', 'operator', 'admin', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

/** Who is asking, and from where. */
export interface Caller {
  /** The principal, the owner of everything this caller makes: `admin`, `key:<id>`, `user:<subject>` or `agent:<id>`. */
  readonly id: string;
  /** Which credential was shown; revoking it ends what hangs on it. */
  readonly keyId: string;
  /** Tells the credential again later, on any replica (`Authenticator.recall`). */
  readonly credential: string;
  readonly roles: readonly Role[];
  /** Groups that grants may name. */
  readonly groups: readonly string[];
  /** What the roles give, whatever is granted beside them. */
  readonly permissions: ReadonlySet<Permission>;
  /** The address the request came from; undefined when it came from no network, such as from a row. */
  readonly address?: string;
}
