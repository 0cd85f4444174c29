import type { Caller } from '@app/core';
import { Allow, FromCaller, type Page } from '@app/web';
import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { SecretInput, SecretName, SecretPage, SecretQuery, SecretView } from './workflow-secrets.schemas.js';
import { WorkflowSecrets } from './workflow-secrets.service.js';

@ApiTags('Secrets of workflows')
@Controller('api/v1/secrets')
export class WorkflowSecretsController {
  constructor(private readonly secrets: WorkflowSecrets) {}

  @Get()
  @Allow('secrets:read')
  @ApiOkResponse({ description: 'Names and who set them when; values are never shown.', standardSchema: SecretPage })
  list(@Query({ schema: SecretQuery }) query: SecretQuery): Promise<Page<SecretView>> {
    return this.secrets.list(query);
  }

  @Put(':name')
  @Allow('secrets:write')
  @ApiOkResponse({ description: 'Stored encrypted; never shown again.', standardSchema: SecretView })
  set(
    @FromCaller() caller: Caller,
    @Param('name', { schema: SecretName }) name: string,
    @Body({ schema: SecretInput }) input: SecretInput,
  ): Promise<SecretView> {
    return this.secrets.set(caller, name, input);
  }

  @Delete(':name')
  @HttpCode(204)
  @Allow('secrets:write')
  @ApiNoContentResponse({ description: 'Gone: what needs it fails from now on.' })
  remove(@FromCaller() caller: Caller, @Param('name', { schema: SecretName }) name: string): Promise<void> {
    return this.secrets.remove(caller, name);
  }
}
