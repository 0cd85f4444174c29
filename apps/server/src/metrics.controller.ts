import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';
import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { PrometheusController } from '@willsoto/nestjs-prometheus';
import type { FastifyReply } from 'fastify';
import { Config } from '@app/config';
import { DomainError } from '@app/core';
import { SkipThrottle } from '@nestjs/throttler';
import { ClientAddress, Public } from '@app/web';

/** Prometheus text, which names agents: for whoever has `METRICS_TOKEN` or, without one, for `METRICS_ALLOWED_NETWORKS`. */
@ApiTags('Health')
@Public()
@SkipThrottle()
@Controller()
export class MetricsController extends PrometheusController {
  private readonly networks = new BlockList();

  constructor(
    private readonly config: Config,
    private readonly address: ClientAddress,
  ) {
    super();
    for (const network of config.metrics.networks) {
      const [base = '', prefix = ''] = network.split('/');
      this.networks.addSubnet(base, Number(prefix), isIPv6(base) ? 'ipv6' : 'ipv4');
    }
  }

  @Get()
  @ApiOkResponse({ description: 'Prometheus text format.' })
  override index(
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('authorization') authorization?: string,
  ): Promise<string> {
    const { token } = this.config.metrics;
    if (token === undefined) this.demandNetwork(reply.request.raw);
    else if (!isSame(authorization ?? '', `Bearer ${token}`))
      throw new DomainError('unauthenticated', 'Authorization: expected "Bearer <METRICS_TOKEN>"');
    return super.index(reply);
  }

  /** Whoever came through a proxy that nobody vouches for may be anybody. */
  private demandNetwork(request: IncomingMessage): void {
    const isForwarded = request.headers['x-forwarded-for'] !== undefined || request.headers.forwarded !== undefined;
    const address = this.address.of(request);
    const isAllowed = this.networks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
    if (isAllowed && (!isForwarded || this.config.trustedProxies.length > 0)) return;
    throw new DomainError('forbidden', 'Metrics are for METRICS_ALLOWED_NETWORKS; or set METRICS_TOKEN and show it');
  }
}

function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
