import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiConsumes, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { Caller } from '@app/core';
import { Allow, FromCaller } from '@app/web';
import { DryRun, DryRunView, StoredDryRun } from './dry-runs.schemas.js';
import { DryRuns } from './dry-runs.service.js';
import { WorkflowName } from './workflows.schemas.js';

const ANSWER = {
  description: 'What is wrong, what a run needs, and what it would do. Nothing is stored, nobody is called.',
  standardSchema: DryRunView,
};

@ApiTags('Workflows')
@Controller('api/v1/workflows')
export class DryRunsController {
  constructor(private readonly dryRuns: DryRuns) {}

  @Post('dry-run')
  @HttpCode(200)
  @Allow('workflows:read')
  @ApiConsumes('application/json', 'application/yaml')
  @ApiOkResponse(ANSWER)
  ofDefinition(@FromCaller() caller: Caller, @Body({ schema: DryRun }) input: DryRun): Promise<DryRunView> {
    return this.dryRuns.ofDefinition(caller, input);
  }

  @Post(':name/dry-run')
  @HttpCode(200)
  @Allow('workflows:read')
  @ApiOkResponse(ANSWER)
  ofStored(
    @FromCaller() caller: Caller,
    @Param('name', { schema: WorkflowName }) name: string,
    @Body({ schema: StoredDryRun }) input: StoredDryRun,
  ): Promise<DryRunView> {
    return this.dryRuns.ofStored(caller, name, input);
  }
}
