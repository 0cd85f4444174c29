import type { EntityManager } from 'typeorm';
import { DomainError } from '@app/core';
import { agentIds } from './sql-grants.js';

const AGENT = 'agent:';
/** As views show it. Longer than any slug. */
const KNOWN_BY_ID = /^agent:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** An agent as principal is named by its slug and known by its id. Undefined: there is no such agent. */
export async function principalId(db: EntityManager, name: string): Promise<string | undefined> {
  if (!name.startsWith(AGENT) || KNOWN_BY_ID.test(name)) return name;
  const slug = name.slice(AGENT.length);
  const id = (await agentIds(db, [slug])).get(slug);
  return id === undefined ? undefined : AGENT + id;
}

/** The same. @throws DomainError not_found */
export async function knownPrincipalId(db: EntityManager, name: string): Promise<string> {
  const id = await principalId(db, name);
  if (id === undefined) throw new DomainError('not_found', `principal: no agent ${name.slice(AGENT.length)}`);
  return id;
}
