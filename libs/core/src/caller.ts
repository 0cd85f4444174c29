/** What a REST route or a tool may ask of its caller. */
export const PERMISSIONS = [
  'agents:read',
  'agents:write',
  'tools:call',
  'tasks:read',
  'tasks:write',
  'keys:read',
  'keys:write',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** Who is asking. */
export interface Caller {
  /** The principal: the owner of everything this caller makes. */
  readonly id: string;
  /** Which credential was shown; revoking it ends what hangs on it. */
  readonly keyId: string;
  readonly permissions: ReadonlySet<Permission>;
}
