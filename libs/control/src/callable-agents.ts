import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { AgentDirectory, type DirectoryEntry } from '@app/agents';
import { type Caller, DomainError } from '@app/core';
import { Permissions } from '@app/permissions';
import { callableBy, fits } from './agent-views.js';
import type { ListAgents } from './control.schemas.js';

/** Agents as far as a caller may call them. */
@Injectable()
export class CallableAgents {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly permissions: Permissions,
  ) {}

  async all(caller: Caller, filter: z.infer<typeof ListAgents>): Promise<DirectoryEntry[]> {
    const access = await this.permissions.accessOf(caller);
    const agents = this.directory.all().filter((agent) => fits(agent, filter));
    return agents.flatMap((agent) => callableBy(access, agent) ?? []);
  }

  /** With the skills that the caller may call. @param field that named it. @throws DomainError not_found */
  async find(caller: Caller, id: string, field: string): Promise<DirectoryEntry> {
    const agent = await this.directory.findFresh(id);
    const callable = agent && callableBy(await this.permissions.accessOf(caller), agent);
    if (callable !== undefined) return callable;
    if (agent !== undefined) this.permissions.hidden(caller, 'agents:call', id);
    throw new DomainError(
      'not_found',
      `${field}: no agent ${id} that you may call, or it is disabled; list_agents tells which there are`,
    );
  }
}
