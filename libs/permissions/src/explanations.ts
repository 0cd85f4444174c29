import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type Caller, DomainError, type Role, ROLES } from '@app/core';
import type { Access } from './access.js';
import type { Decision } from './decision.js';
import type { Resource } from './grant.js';
import { grantViews } from './grant-view.js';
import type { GrantRow } from './grant.entity.js';
import type { Explanation, OwnPermissions, Question } from './grants.schemas.js';
import { PermissionRequestsService } from './permission-requests.service.js';
import { Permissions } from './permissions.js';
import { knownPrincipalId } from './principal-id.js';
import { permissionsOf } from './roles.js';
import { agentResource, rolesAndGroupsOf } from './sql-grants.js';

const MAX_SHOWN = 200;

/** Why something is allowed or not, and what somebody has. */
@Injectable()
export class Explanations {
  constructor(
    private readonly db: DataSource,
    private readonly permissions: Permissions,
    private readonly requests: PermissionRequestsService,
  ) {}

  /**
   * Answers as a call would be answered. About others only for who may read grants.
   * @throws DomainError forbidden, not_found
   */
  async explain(caller: Caller, question: Question): Promise<Explanation> {
    const asker = await this.permissions.accessOf(caller);
    const isAboutOther = question.principal !== undefined && question.principal !== caller.id;
    if (isAboutOther) await this.permissions.demand(caller, 'grants:read', { what: 'what others may do' });
    const access = isAboutOther ? await this.accessOf(question) : asker;
    const { action, at } = question;
    const resource = await this.resourceOf(question, asker);
    const decision = access.decide(action, resource, at === undefined ? new Date() : new Date(at));
    return {
      allowed: decision.allowed,
      why: whyOf(decision),
      roles: [...decision.roles],
      grants: await grantViews(this.db.manager, decision.grants as readonly GrantRow[]),
    };
  }

  async own(caller: Caller): Promise<OwnPermissions> {
    const { grants } = await this.permissions.accessOf(caller);
    const query = { principal: caller.id, state: 'pending' as const, page_size: MAX_SHOWN };
    return {
      principal: caller.id,
      roles: [...caller.roles],
      groups: [...caller.groups],
      permissions: [...permissionsOf(caller.roles)],
      grants: await grantViews(this.db.manager, grants.slice(0, MAX_SHOWN)),
      requests: (await this.requests.list(caller, query)).items,
    };
  }

  private async accessOf({ principal: name = '', groups = [], roles = [] }: Question): Promise<Access> {
    const principal = await knownPrincipalId(this.db.manager, name);
    const known = await rolesAndGroupsOf(this.db.manager, principal);
    const knownRoles = (known?.roles ?? []).filter((role): role is Role => (ROLES as readonly string[]).includes(role));
    return this.permissions.accessOf({
      id: principal,
      keyId: principal,
      roles: [...new Set([...roles, ...knownRoles])],
      groups: [...new Set([...groups, ...(known?.groups ?? [])])],
    });
  }

  /** An agent that the asker may not see is as good as none. */
  private async resourceOf({ agent, skill, workflow }: Question, asker: Access): Promise<Resource | undefined> {
    if (workflow !== undefined) return { workflow, tags: [] };
    if (agent === undefined) return undefined;
    const found = await agentResource(this.db.manager, agent);
    const resource = found && { agent: found.id, tags: found.tags, category: found.category };
    if (resource === undefined || !asker.allows('agents:read', resource))
      throw new DomainError('not_found', `agent: no agent ${agent}`);
    return { ...resource, ...(skill !== undefined && { skill }) };
  }
}

function whyOf({ allowed, grants, roles }: Decision): string {
  const named = grants.map(({ id }) => id).join(', ');
  if (!allowed) return grants.length > 0 ? `Denied by grant ${named}.` : 'Neither a role nor a grant allows it.';
  const by = [...roles.map((role) => `role ${role}`), ...(grants.length > 0 ? [`grant ${named}`] : [])];
  return `Allowed by ${by.join(' and ')}.`;
}
