import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller, JsonObject } from '@app/core';
import { Allow, etagOf, FromCaller, type Page, versionIn } from '@app/web';
import { AgentAccess } from './agent-access.js';
import { AgentHealth } from './agent-health.js';
import { AgentList } from './agent-list.js';
import { viewOf } from './agent-view.js';
import type { Agent } from './agent.entity.js';
import {
  AgentChanges,
  AgentCredentialsInput,
  AgentHealthView,
  AgentPage,
  AgentQuery,
  AgentRef,
  AgentView,
  NewAgent,
} from './agents.schemas.js';
import { AgentsService } from './agents.service.js';
import { CardRefresher } from './card-refresher.js';

@ApiTags('Agents')
@Controller('api/v1/agents')
export class AgentsController {
  constructor(
    private readonly agents: AgentsService,
    private readonly agentList: AgentList,
    private readonly refresher: CardRefresher,
    private readonly health: AgentHealth,
    private readonly access: AgentAccess,
  ) {}

  @Post()
  @Allow('agents:write')
  @ApiCreatedResponse({ description: 'The agent and the tools made of it.', standardSchema: AgentView })
  async register(
    @FromCaller() caller: Caller,
    @Body({ schema: NewAgent }) input: NewAgent,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    await this.access.demandNew(caller, input);
    const agent = await this.agents.register({ caller, signal: request.signal }, input);
    void reply.header('location', `/api/v1/agents/${agent.slug}`);
    return this.tagged(reply, caller, agent);
  }

  @Get()
  @Allow('agents:read')
  @ApiOkResponse({ description: 'Agents by slug.', standardSchema: AgentPage })
  async list(@FromCaller() caller: Caller, @Query({ schema: AgentQuery }) query: AgentQuery): Promise<Page<AgentView>> {
    return this.agentList.page(query, await this.access.of(caller));
  }

  @Get(':agent')
  @Allow('agents:read')
  @ApiOkResponse({ description: 'One agent, with an ETag.', standardSchema: AgentView })
  async get(
    @FromCaller() caller: Caller,
    @Param('agent', { schema: AgentRef }) ref: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    return this.tagged(reply, caller, await this.access.get(caller, 'agents:read', ref));
  }

  @Get(':agent/card')
  @Allow('agents:read')
  @ApiOkResponse({ description: 'The Agent Card as it came.' })
  async card(@FromCaller() caller: Caller, @Param('agent', { schema: AgentRef }) ref: string): Promise<JsonObject> {
    const agent = await this.access.get(caller, 'agents:read', ref);
    await this.access.demandCard(caller, agent);
    return agent.rawCard;
  }

  @Patch(':agent')
  @Allow('agents:write')
  @ApiOkResponse({
    description: 'The changed agent. `If-Match` guards against overwriting.',
    standardSchema: AgentView,
  })
  async update(
    @FromCaller() caller: Caller,
    @Param('agent', { schema: AgentRef }) ref: string,
    @Body({ schema: AgentChanges }) changes: AgentChanges,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    const agent = await this.access.get(caller, 'agents:write', ref);
    await this.access.demandChanged(caller, agent, changes);
    return this.tagged(reply, caller, await this.agents.update(caller, agent, changes, versionIn(ifMatch)));
  }

  @Delete(':agent')
  @HttpCode(204)
  @Allow('agents:write')
  @ApiNoContentResponse({ description: 'Gone, with its credentials.' })
  async remove(
    @FromCaller() caller: Caller,
    @Param('agent', { schema: AgentRef }) ref: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    const agent = await this.access.get(caller, 'agents:write', ref);
    await this.agents.remove(caller, agent, versionIn(ifMatch));
  }

  @Post(':agent/refresh')
  @HttpCode(200)
  @Allow('agents:write')
  @ApiOkResponse({ description: 'The agent after its card was fetched again.', standardSchema: AgentView })
  async refresh(
    @FromCaller() caller: Caller,
    @Param('agent', { schema: AgentRef }) ref: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    const agent = await this.access.get(caller, 'agents:write', ref);
    return this.tagged(reply, caller, await this.refresher.refresh(agent, request.signal));
  }

  @Post(':agent/enable')
  @HttpCode(200)
  @Allow('agents:write')
  @ApiOkResponse({ standardSchema: AgentView })
  async enable(
    @FromCaller() caller: Caller,
    @Param('agent', { schema: AgentRef }) ref: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    const agent = await this.access.get(caller, 'agents:write', ref);
    return this.tagged(reply, caller, await this.agents.setEnabled(caller, agent, true));
  }

  @Post(':agent/disable')
  @HttpCode(200)
  @Allow('agents:write')
  @ApiOkResponse({ description: 'The agent has no tools and cannot be called.', standardSchema: AgentView })
  async disable(
    @FromCaller() caller: Caller,
    @Param('agent', { schema: AgentRef }) ref: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    const agent = await this.access.get(caller, 'agents:write', ref);
    return this.tagged(reply, caller, await this.agents.setEnabled(caller, agent, false));
  }

  @Get(':agent/health')
  @Allow('agents:read')
  @ApiOkResponse({ description: 'Does the agent answer?', standardSchema: AgentHealthView })
  async checkHealth(
    @FromCaller() caller: Caller,
    @Param('agent', { schema: AgentRef }) ref: string,
  ): Promise<AgentHealthView> {
    return this.health.check(await this.access.get(caller, 'agents:read', ref));
  }

  @Put(':agent/credentials')
  @HttpCode(204)
  @Allow('agents:write')
  @ApiNoContentResponse({ description: 'Stored encrypted; never shown again.' })
  async setCredentials(
    @FromCaller() caller: Caller,
    @Param('agent', { schema: AgentRef }) ref: string,
    @Body({ schema: AgentCredentialsInput }) credentials: AgentCredentialsInput,
  ): Promise<void> {
    const agent = await this.access.get(caller, 'agents:write', ref);
    await this.agents.setCredentials(caller, agent, credentials);
  }

  @Delete(':agent/credentials')
  @HttpCode(204)
  @Allow('agents:write')
  @ApiNoContentResponse({ description: 'The agent is called without credentials from now on.' })
  async removeCredentials(
    @FromCaller() caller: Caller,
    @Param('agent', { schema: AgentRef }) ref: string,
  ): Promise<void> {
    const agent = await this.access.get(caller, 'agents:write', ref);
    await this.agents.setCredentials(caller, agent, undefined);
  }

  private async tagged(reply: FastifyReply, caller: Caller, agent: Agent): Promise<AgentView> {
    void reply.header('etag', etagOf(agent.version));
    return viewOf(agent, await this.access.of(caller));
  }
}
