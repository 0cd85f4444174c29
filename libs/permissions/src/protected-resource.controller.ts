import { Controller, Get, NotFoundException, Req } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Public } from '@app/web';
import { ProtectedResource } from './protected-resource.js';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** Where clients learn which issuer to ask (RFC 9728 §3.1). Nothing at the root: API keys live there too. */
@ApiTags('OAuth')
@Public()
@Controller('.well-known/oauth-protected-resource')
export class ProtectedResourceController {
  constructor(private readonly resource: ProtectedResource) {}

  @Get('*')
  @ApiOkResponse({ description: 'Protected resource metadata of the MCP door, with `OIDC_ISSUER`.' })
  @ApiNotFoundResponse({ description: 'There is no issuer, or no such resource.' })
  metadata(@Req() { url }: FastifyRequest): Record<string, unknown> {
    const metadata = this.resource.metadataFor(url.slice(WELL_KNOWN.length).split('?', 1)[0] ?? '');
    if (metadata === undefined) throw new NotFoundException(`Cannot GET ${url}`);
    return metadata;
  }
}
