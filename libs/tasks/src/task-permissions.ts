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
    await this.permissions.demand(caller, action, { what: 'tasks' });
  }

  /**
   * May this be said to this agent, and now?
   * @throws DomainError not_found (also when the caller may not see it), forbidden; RateLimited
   */
  async demandCall(caller: Caller, slug: string, skill: string | undefined): Promise<void> {
    await this.permissions.demand(caller, 'tasks:write', { what: 'tasks' });
    const agent = await this.directory.findFresh(slug);
    const what = skill === undefined ? slug : `${slug}, skill ${skill}`;
    const resource = agent && resourceOf(agent, skill);
    if (resource === undefined || !(await this.permissions.maySee(caller, resource, what)))
      throw new DomainError('not_found', `No agent ${slug}, or it is disabled`);
    await this.permissions.demand(caller, 'agents:call', { resource, what });
    await this.limiter.admitCall(caller, slug);
  }
}
