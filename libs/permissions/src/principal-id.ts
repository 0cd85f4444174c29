import type { EntityManager } from 'typeorm';
import { DomainError } from '@app/core';
import { agentIds } from './sql-grants.js';

const AGENT = 'agent:';

/** An agent as principal is named by its slug and known by its id. @throws DomainError not_found */
export async function principalId(db: EntityManager, name: string): Promise<string> {
  if (!name.startsWith(AGENT)) return name;
  const slug = name.slice(AGENT.length);
  const id = (await agentIds(db, [slug])).get(slug);
  if (id === undefined) throw new DomainError('not_found', `principal: no agent ${slug}`);
  return AGENT + id;
}
