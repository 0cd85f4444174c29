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
    const resource = resourceOf(agent);
    if (!(await this.permissions.maySee(caller, resource, agent.slug))) throw noAgent(ref);
    await this.permissions.demand(caller, action, { resource, what: agent.slug });
    return agent;
  }

  /** The card as it came names every skill. @throws DomainError forbidden */
  async demandCard(caller: Caller, agent: Agent): Promise<void> {
    const what = `a skill of ${agent.slug}, which its card names`;
    for (const { id } of agent.card.skills)
      await this.permissions.demand(caller, 'agents:read', { resource: resourceOf(agent, id), what });
  }

  /** May it be registered like this? @throws DomainError forbidden */
  async demandNew(caller: Caller, { tags, category }: NewAgent): Promise<void> {
    const what = 'a new agent with these tags and this category';
    await this.permissions.demand(caller, 'agents:write', { resource: { tags, category }, what });
  }

  /** Nobody moves an agent to where he could not change it. @throws DomainError forbidden */
  async demandChanged(caller: Caller, agent: Agent, { tags, category }: AgentChanges): Promise<void> {
    const changed = { id: agent.id, tags: tags ?? agent.tags, category: category ?? agent.category };
    const what = `${agent.slug} with these tags and this category`;
    await this.permissions.demand(caller, 'agents:write', { resource: resourceOf(changed), what });
  }
}
