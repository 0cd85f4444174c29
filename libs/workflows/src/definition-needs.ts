import { AgentDirectory, resourceOf as agentResource } from '@app/agents';
import { type Caller, DomainError, type Permission } from '@app/core';
import { agentsOf, type Definition, secretsOf, workflowsOf } from '@app/dsl';
import { Permissions, type Resource } from '@app/permissions';
import { WorkflowSecrets } from '@app/workflow-secrets';
import { Injectable } from '@nestjs/common';
import type { Need } from './dry-runs.schemas.js';
import { resourceOf } from './workflow-directory.js';
import { WorkflowsService } from './workflows.service.js';

type Access = Awaited<ReturnType<Permissions['accessOf']>>;

/** What a run of a definition takes of its caller and of this server. Of what expressions choose, nothing is known. */
@Injectable()
export class DefinitionNeeds {
  constructor(
    private readonly agents: AgentDirectory,
    private readonly workflows: WorkflowsService,
    private readonly secrets: WorkflowSecrets,
    private readonly permissions: Permissions,
  ) {}

  async of(caller: Caller, definition: Definition): Promise<Need[]> {
    const access = await this.permissions.accessOf(caller);
    const own: Resource = { workflow: definition.document.name, tags: [] };
    const server = [
      need('server', 'store it', rights(access, ['workflows:write'], own)),
      need('server', 'run it', { ...rights(access, ['workflows:run'], own) }),
      need('server', 'follow its runs', rights(access, ['tasks:read', 'tasks:write'])),
    ];
    const agents = agentsOf(definition).map((call) => this.agent(access, call));
    const workflows = workflowsOf(definition).map((call) => this.workflow(caller, access, call));
    const secrets = secretsOf(definition).map(async (name) => ({
      ...need('secret', name, { has: [], lacks: [] }),
      exists: await this.secrets.exists(name),
    }));
    return [...server, ...(await Promise.all([...agents, ...workflows, ...secrets]))];
  }

  private async agent(access: Access, { path, agent, skill }: ReturnType<typeof agentsOf>[number]): Promise<Need> {
    const found = await this.agents.findFresh(agent);
    const resource = found && agentResource(found, skill);
    const exists = resource !== undefined && access.allows('agents:read', resource);
    const asked = resource ?? { agent, skill, tags: [] };
    const known = need('agent', agent, rights(access, ['agents:read', 'agents:call'], asked));
    return { ...known, path, ...(skill !== undefined && { skill }), exists };
  }

  private async workflow(
    caller: Caller,
    access: Access,
    { path, name, version }: ReturnType<typeof workflowsOf>[number],
  ): Promise<Need> {
    const found = await this.workflows
      .get(caller, name, version === 'latest' ? undefined : version)
      .catch((error: unknown) => {
        if (error instanceof DomainError) return undefined;
        throw error;
      });
    const resource = found === undefined ? { workflow: name, tags: [] } : resourceOf(found);
    const known = need('workflow', name, rights(access, ['workflows:read', 'workflows:run'], resource));
    return { ...known, path, exists: found?.status === 'active' };
  }
}

function rights(access: Access, permissions: readonly Permission[], resource?: Resource): Pick<Need, 'has' | 'lacks'> {
  const has = permissions.filter((permission) => access.allows(permission, resource));
  return { has, lacks: permissions.filter((permission) => !has.includes(permission)) };
}

const need = (kind: Need['kind'], name: string, { has, lacks }: Pick<Need, 'has' | 'lacks'>): Need => ({
  kind,
  name,
  exists: true,
  has,
  lacks,
});
