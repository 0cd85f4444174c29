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
    const agent = await this.agents.register({ caller, signal: request.signal }, input);
    void reply.header('location', `/api/v1/agents/${agent.slug}`);
    return tagged(reply, agent);
  }

  @Get()
  @Allow('agents:read')
  @ApiOkResponse({ description: 'Agents by slug.', standardSchema: AgentPage })
  list(@Query({ schema: AgentQuery }) query: AgentQuery): Promise<Page<AgentView>> {
    return this.agentList.page(query);
  }

  @Get(':agent')
  @Allow('agents:read')
  @ApiOkResponse({ description: 'One agent, with an ETag.', standardSchema: AgentView })
  async get(
    @Param('agent', { schema: AgentRef }) ref: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    return tagged(reply, await this.agents.get(ref));
  }

  @Get(':agent/card')
  @Allow('agents:read')
  @ApiOkResponse({ description: 'The Agent Card as it came.' })
  async card(@Param('agent', { schema: AgentRef }) ref: string): Promise<JsonObject> {
    return (await this.agents.get(ref)).rawCard;
  }

  @Patch(':agent')
  @Allow('agents:write')
  @ApiOkResponse({
    description: 'The changed agent. `If-Match` guards against overwriting.',
    standardSchema: AgentView,
  })
  async update(
    @Param('agent', { schema: AgentRef }) ref: string,
    @Body({ schema: AgentChanges }) changes: AgentChanges,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    return tagged(reply, await this.agents.update(ref, changes, versionIn(ifMatch)));
  }

  @Delete(':agent')
  @HttpCode(204)
  @Allow('agents:write')
  @ApiNoContentResponse({ description: 'Gone, with its credentials.' })
  remove(
    @Param('agent', { schema: AgentRef }) ref: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    return this.agents.remove(ref, versionIn(ifMatch));
  }

  @Post(':agent/refresh')
  @HttpCode(200)
  @Allow('agents:write')
  @ApiOkResponse({ description: 'The agent after its card was fetched again.', standardSchema: AgentView })
  async refresh(
    @Param('agent', { schema: AgentRef }) ref: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    return tagged(reply, await this.refresher.refresh(await this.agents.get(ref), request.signal));
  }

  @Post(':agent/enable')
  @HttpCode(200)
  @Allow('agents:write')
  @ApiOkResponse({ standardSchema: AgentView })
  async enable(
    @Param('agent', { schema: AgentRef }) ref: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    return tagged(reply, await this.agents.setEnabled(ref, true));
  }

  @Post(':agent/disable')
  @HttpCode(200)
  @Allow('agents:write')
  @ApiOkResponse({ description: 'The agent has no tools and cannot be called.', standardSchema: AgentView })
  async disable(
    @Param('agent', { schema: AgentRef }) ref: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AgentView> {
    return tagged(reply, await this.agents.setEnabled(ref, false));
  }

  @Get(':agent/health')
  @Allow('agents:read')
  @ApiOkResponse({ description: 'Does the agent answer?', standardSchema: AgentHealthView })
  async checkHealth(@Param('agent', { schema: AgentRef }) ref: string): Promise<AgentHealthView> {
    return this.health.check(await this.agents.get(ref));
  }

  @Put(':agent/credentials')
  @HttpCode(204)
  @Allow('agents:write')
  @ApiNoContentResponse({ description: 'Stored encrypted; never shown again.' })
  setCredentials(
    @Param('agent', { schema: AgentRef }) ref: string,
    @Body({ schema: AgentCredentialsInput }) credentials: AgentCredentialsInput,
  ): Promise<void> {
    return this.agents.setCredentials(ref, credentials);
  }

  @Delete(':agent/credentials')
  @HttpCode(204)
  @Allow('agents:write')
  @ApiNoContentResponse({ description: 'The agent is called without credentials from now on.' })
  removeCredentials(@Param('agent', { schema: AgentRef }) ref: string): Promise<void> {
    return this.agents.setCredentials(ref, undefined);
  }
}

function tagged(reply: FastifyReply, agent: Agent): AgentView {
  void reply.header('etag', etagOf(agent.version));
  return viewOf(agent);
}
