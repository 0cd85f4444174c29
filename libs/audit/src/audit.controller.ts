import { Readable } from 'node:stream';
import { Controller, Get, Headers, Query, StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Allow, type Page } from '@app/web';
import { AuditTrail } from './audit-trail.js';
import { type AuditEventView, AuditPage, AuditQuery } from './audit.schemas.js';

const JSON_LINES = 'application/x-ndjson';

@ApiTags('Audit')
@Controller('api/v1/audit')
export class AuditController {
  constructor(private readonly trail: AuditTrail) {}

  @Get()
  @Allow('audit:read')
  @ApiProduces('application/json', JSON_LINES)
  @ApiOkResponse({
    description: 'Who did what, newest first. With `Accept: application/x-ndjson` all that fit, one a line.',
    standardSchema: AuditPage,
  })
  read(
    @Query({ schema: AuditQuery }) query: AuditQuery,
    @Headers('accept') accept = '',
  ): Promise<Page<AuditEventView>> | StreamableFile {
    if (!accept.includes(JSON_LINES)) return this.trail.page(query);
    return new StreamableFile(Readable.from(this.trail.lines(query)), { type: JSON_LINES });
  }
}
