import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiBadRequestResponse, ApiOkResponse, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AgentTotals } from '@app/agents';
import { Public } from '@app/web';
import { SERVICE, VERSION } from './version.js';

/** The runbook's status: totals only, in the shape its readers know. */
@ApiTags('Health')
@Public()
@Controller('api/agent')
export class StatusController {
  constructor(private readonly totals: AgentTotals) {}

  @Get()
  @ApiQuery({ name: 'action', enum: ['status'] })
  @ApiOkResponse({ description: 'Totals of the registry.' })
  @ApiBadRequestResponse({ description: 'Another action than `status`.' })
  async status(@Query('action') action: string | undefined, @Res({ passthrough: true }) reply: FastifyReply) {
    if (action !== 'status') {
      void reply.status(400);
      return { ok: false, error: { code: 'ERR_BAD_REQUEST', message: 'unsupported action' } };
    }
    const agents = await this.totals.read();
    return { ok: true, service: SERVICE, version: VERSION, time: new Date().toISOString(), agents };
  }
}
