import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiConsumes, ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Caller } from '@app/core';
import { Allow, FromCaller, type Page } from '@app/web';
import type { Workflow } from './workflow.entity.js';
import { workflowViewOf } from './workflow-view.js';
import {
  NewWorkflow,
  SchedulePause,
  Validation,
  WorkflowName,
  WorkflowPage,
  WorkflowQuery,
  WorkflowSource,
  WorkflowVersion,
  WorkflowView,
} from './workflows.schemas.js';
import { WorkflowsService } from './workflows.service.js';

const VersionQuery = z.object({ version: WorkflowVersion.optional() });
type VersionQuery = z.infer<typeof VersionQuery>;

@ApiTags('Workflows')
@Controller('api/v1/workflows')
export class WorkflowsController {
  constructor(private readonly workflows: WorkflowsService) {}

  @Post()
  @Allow('workflows:write')
  @ApiConsumes('application/json', 'application/yaml')
  @ApiCreatedResponse({ description: 'The version, with a status of its own.', standardSchema: WorkflowView })
  async create(
    @FromCaller() caller: Caller,
    @Body({ schema: NewWorkflow }) input: NewWorkflow,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WorkflowView> {
    const workflow = await this.workflows.create(caller, input);
    void reply.header('location', `/api/v1/workflows/${workflow.name}?version=${encodeURIComponent(workflow.version)}`);
    return workflowViewOf(workflow);
  }

  @Post('validate')
  @HttpCode(200)
  @Allow('workflows:read')
  @ApiConsumes('application/json', 'application/yaml')
  @ApiOkResponse({ description: 'All that is wrong with a definition; nothing is stored.', standardSchema: Validation })
  async validate(
    @FromCaller() caller: Caller,
    @Body({ schema: WorkflowSource }) input: WorkflowSource,
  ): Promise<Validation> {
    const problems = await this.workflows.validate(caller, input);
    return { valid: problems.length === 0, problems: [...problems] };
  }

  @Get()
  @Allow('workflows:read')
  @ApiOkResponse({ description: 'Workflows by name, each with its newest version.', standardSchema: WorkflowPage })
  async list(
    @FromCaller() caller: Caller,
    @Query({ schema: WorkflowQuery }) query: WorkflowQuery,
  ): Promise<Page<WorkflowView>> {
    const page = await this.workflows.list(caller, query);
    return { ...page, items: page.items.map(brief) };
  }

  @Get(':name')
  @Allow('workflows:read')
  @ApiOkResponse({
    description: 'One version: the newest active one when none is named.',
    standardSchema: WorkflowView,
  })
  async get(
    @FromCaller() caller: Caller,
    @Param('name', { schema: WorkflowName }) name: string,
    @Query({ schema: VersionQuery }) { version }: VersionQuery,
  ): Promise<WorkflowView> {
    return workflowViewOf(await this.workflows.get(caller, name, version));
  }

  @Get(':name/versions')
  @Allow('workflows:read')
  @ApiOkResponse({ description: 'All versions, newest first.', standardSchema: WorkflowPage })
  async versions(
    @FromCaller() caller: Caller,
    @Param('name', { schema: WorkflowName }) name: string,
  ): Promise<Page<WorkflowView>> {
    return { items: (await this.workflows.versions(caller, name)).map(brief) };
  }

  @Post(':name/enable')
  @HttpCode(200)
  @Allow('workflows:write')
  @ApiOkResponse({ description: 'Active: it runs, and is an MCP tool.', standardSchema: WorkflowView })
  async enable(
    @FromCaller() caller: Caller,
    @Param('name', { schema: WorkflowName }) name: string,
    @Query({ schema: VersionQuery }) { version }: VersionQuery,
  ): Promise<WorkflowView> {
    return workflowViewOf(await this.workflows.setStatus(caller, name, version, 'active'));
  }

  @Post(':name/disable')
  @HttpCode(200)
  @Allow('workflows:write')
  @ApiOkResponse({ description: 'Nothing new is begun by it; its runs go on.', standardSchema: WorkflowView })
  async disable(
    @FromCaller() caller: Caller,
    @Param('name', { schema: WorkflowName }) name: string,
    @Query({ schema: VersionQuery }) { version }: VersionQuery,
  ): Promise<WorkflowView> {
    return workflowViewOf(await this.workflows.setStatus(caller, name, version, 'disabled'));
  }

  @Post(':name/schedule')
  @HttpCode(200)
  @Allow('workflows:write')
  @ApiOkResponse({ description: 'The schedule, paused or going on.', standardSchema: WorkflowView })
  async schedule(
    @FromCaller() caller: Caller,
    @Param('name', { schema: WorkflowName }) name: string,
    @Body({ schema: SchedulePause }) { paused }: SchedulePause,
  ): Promise<WorkflowView> {
    return workflowViewOf(await this.workflows.pauseSchedule(caller, name, paused));
  }

  @Delete(':name')
  @HttpCode(204)
  @Allow('workflows:write')
  @ApiNoContentResponse({ description: 'Archived for good: that version, or all. Its runs go on and stay readable.' })
  async archive(
    @FromCaller() caller: Caller,
    @Param('name', { schema: WorkflowName }) name: string,
    @Query({ schema: VersionQuery }) { version }: VersionQuery,
  ): Promise<void> {
    await this.workflows.archive(caller, name, version);
  }
}

const brief = (workflow: Workflow): WorkflowView => ({ ...workflowViewOf(workflow), definition: undefined });
