import type { Caller, Permission } from '@app/core';
import type { Tool } from '@app/mcp-protocol';
import type { Access, Resource } from '@app/permissions';

/** A tool, and whom it is shown to. */
export interface Offer {
  readonly tool: Tool<Caller>;
  /** May this caller use it? */
  readonly isFor: (access: Access) => boolean;
  /** What has to be allowed for it. */
  readonly action: Permission;
  /** The agent, skill or workflow it was made of, and what lets a caller know of it. */
  readonly made?: { readonly of: Resource; readonly seenBy: Permission };
}

const EVERYBODY = (): boolean => true;

/** A tool of the server itself that everybody is shown. */
export const forEverybody = (tool: Tool<Caller>): Offer => ({ tool, isFor: EVERYBODY, action: 'tasks:read' });

/** A tool of the server itself for who may do this with anything. */
export const forWhoMay = (action: Permission, tool: Tool<Caller>): Offer => ({
  tool,
  action,
  isFor: (access) => access.mayAnywhere(action),
});

/** A tool that was made of something, for who may use that. */
export const madeOf = (of: Resource, action: Permission, seenBy: Permission, tool: Tool<Caller>): Offer => ({
  tool,
  action,
  made: { of, seenBy },
  isFor: (access) => access.allows(action, of),
});
