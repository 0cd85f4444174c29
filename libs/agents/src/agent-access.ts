import { Injectable } from '@nestjs/common';
import type { Caller, Permission } from '@app/core';
import { type Access, Permissions, type Resource } from '@app/permissions';
import type { Agent } from './agent.entity.js';
import type { AgentChanges, NewAgent } from './agents.schemas.js';
import { AgentsService, noAgent } from './agents.service.js';

/** An agent, or one skill of it, as permissions speak of it. */
export const resourceOf = (
  { id, tags, category }: Pick<Agent, 'id' | 'category'> & { tags: readonly string[] },
  skill?: string,
): Resource => ({
  agent: id,
  tags,
  category,
  ...(skill !== undefined && { skill }),
});

/** The agents that a caller may see or change; the others do not exist for it. */
@Injectable()
export class AgentAccess {
  constructor(
    private readonly agents: AgentsService,
    private readonly permissions: Permissions,
  ) {}

  of(caller: Caller): Access | Promise<Access> {
    return this.permissions.accessOf(caller);
  }

  /** @throws DomainError not_found (also when the caller may not see it), forbidden */
  async get(caller: Caller, action: Permission, ref: string): Promise<Agent> {
    const agent = await this.agents.get(ref);
    const access = await this.of(caller);
    if (!access.allows('agents:read', resourceOf(agent))) throw noAgent(ref);
    access.demand(action, resourceOf(agent), agent.slug);
    return agent;
  }

  /** May it be registered like this? @throws DomainError forbidden */
  async demandNew(caller: Caller, { tags, category }: NewAgent): Promise<void> {
    (await this.of(caller)).demand('agents:write', { tags, category }, 'a new agent with these tags and this category');
  }

  /** Nobody moves an agent to where he could not change it. @throws DomainError forbidden */
  async demandChanged(caller: Caller, agent: Agent, { tags, category }: AgentChanges): Promise<void> {
    const changed = { id: agent.id, tags: tags ?? agent.tags, category: category ?? agent.category };
    (await this.of(caller)).demand(
      'agents:write',
      resourceOf(changed),
      `${agent.slug} with these tags and this category`,
    );
  }
}
