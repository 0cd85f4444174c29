import { Injectable } from '@nestjs/common';
import { AgentDirectory, resourceOf } from '@app/agents';
import { type Caller, DomainError, type Permission } from '@app/core';
import { Permissions } from '@app/permissions';
import { RateLimiter } from '@app/rate-limits';

/** Asked for each message, whichever door it came through: what a caller may do changes. */
@Injectable()
export class TaskPermissions {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly permissions: Permissions,
    private readonly limiter: RateLimiter,
  ) {}

  /** @throws DomainError forbidden */
  async demand(caller: Caller, action: Permission): Promise<void> {
    (await this.permissions.accessOf(caller)).demand(action, undefined, 'tasks');
  }

  /**
   * May this be said to this agent, and now?
   * @throws DomainError not_found (also when the caller may not see it), forbidden; RateLimited
   */
  async demandCall(caller: Caller, slug: string, skill: string | undefined): Promise<void> {
    const access = await this.permissions.accessOf(caller);
    access.demand('tasks:write', undefined, 'tasks');
    const agent = await this.directory.findFresh(slug);
    if (agent === undefined || !access.allows('agents:read', resourceOf(agent, skill)))
      throw new DomainError('not_found', `No agent ${slug}, or it is disabled`);
    access.demand('agents:call', resourceOf(agent, skill), skill === undefined ? slug : `${slug}, skill ${skill}`);
    await this.limiter.admitCall(caller, slug);
  }
}
