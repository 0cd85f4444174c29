import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Allow, type Page } from '@app/web';
import { ApiKeyPage, ApiKeyQuery, type ApiKeyView, CreatedApiKey, NewApiKey } from './api-keys.schemas.js';
import { ApiKeysService } from './api-keys.service.js';

const KeyId = z.string().regex(/^[0-9a-f]{16}$/, 'expected the id of an API key: 16 hexadecimal digits');

@ApiTags('API keys')
@Controller('api/v1/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @Post()
  @Allow('keys:write')
  @ApiCreatedResponse({ description: 'The new key, shown only here.', standardSchema: CreatedApiKey })
  create(@Body({ schema: NewApiKey }) input: NewApiKey): Promise<CreatedApiKey> {
    return this.keys.create(input);
  }

  @Get()
  @Allow('keys:read')
  @ApiOkResponse({ description: 'API keys, without the keys themselves.', standardSchema: ApiKeyPage })
  list(@Query({ schema: ApiKeyQuery }) query: z.infer<typeof ApiKeyQuery>): Promise<Page<ApiKeyView>> {
    return this.keys.list(query);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow('keys:write')
  @ApiNoContentResponse({ description: 'Revoked.' })
  revoke(@Param('id', { schema: KeyId }) id: string): Promise<void> {
    return this.keys.revoke(id);
  }
}
