import { createHash, timingSafeEqual } from 'node:crypto';
import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { PrometheusController } from '@willsoto/nestjs-prometheus';
import type { FastifyReply } from 'fastify';
import { Config } from '@app/config';
import { DomainError } from '@app/core';
import { SkipThrottle } from '@nestjs/throttler';
import { Public } from '@app/web';

/** Prometheus text; open unless `METRICS_TOKEN` is set. */
@ApiTags('Health')
@Public()
@SkipThrottle()
@Controller()
export class MetricsController extends PrometheusController {
  constructor(private readonly config: Config) {
    super();
  }

  @Get()
  @ApiOkResponse({ description: 'Prometheus text format.' })
  override index(
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('authorization') authorization?: string,
  ): Promise<string> {
    const { metricsToken } = this.config;
    if (metricsToken !== undefined && !isSame(authorization ?? '', `Bearer ${metricsToken}`))
      throw new DomainError('unauthenticated', 'Authorization: expected "Bearer <METRICS_TOKEN>"');
    return super.index(reply);
  }
}

function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
