import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Caller } from '@app/core';
import { Allow, FromCaller, type Page } from '@app/web';
import { ApiKeyPage, ApiKeyQuery, type ApiKeyView, CreatedApiKey, NewApiKey, Rotation } from './api-keys.schemas.js';
import { ApiKeysService } from './api-keys.service.js';

const KeyId = z.string().regex(/^[0-9a-f]{16}$/, 'expected the id of an API key: 16 hexadecimal digits');

@ApiTags('API keys')
@Controller('api/v1/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @Post()
  @Allow('keys:write')
  @ApiCreatedResponse({ description: 'The new key, shown only here.', standardSchema: CreatedApiKey })
  create(@FromCaller() caller: Caller, @Body({ schema: NewApiKey }) input: NewApiKey): Promise<CreatedApiKey> {
    return this.keys.create(caller, input);
  }

  @Get()
  @Allow('keys:read')
  @ApiOkResponse({ description: 'API keys, without the keys themselves.', standardSchema: ApiKeyPage })
  list(@Query({ schema: ApiKeyQuery }) query: ApiKeyQuery): Promise<Page<ApiKeyView>> {
    return this.keys.list(query);
  }

  @Post(':id/rotate')
  @Allow('keys:write')
  @ApiCreatedResponse({
    description: 'A new key for the same principal, shown only here; the old one works for `overlapSeconds` more.',
    standardSchema: CreatedApiKey,
  })
  rotate(
    @FromCaller() caller: Caller,
    @Param('id', { schema: KeyId }) id: string,
    @Body({ schema: Rotation }) rotation: Rotation,
  ): Promise<CreatedApiKey> {
    return this.keys.rotate(caller, id, rotation);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow('keys:write')
  @ApiNoContentResponse({ description: 'Revoked.' })
  revoke(@FromCaller() caller: Caller, @Param('id', { schema: KeyId }) id: string): Promise<void> {
    return this.keys.revoke(caller, id);
  }
}
