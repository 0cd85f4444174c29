import { Controller, Get, Injectable, Res, ServiceUnavailableException } from '@nestjs/common';
import { ApiOkResponse, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { CacheHealth } from '@app/cache';
import { DatabaseHealth } from '@app/database';
import { Metrics } from '@app/telemetry';
import { SkipThrottle } from '@nestjs/throttler';
import { Public } from '@app/web';

/** What readiness depends on, each told with its state and latency. */
@Injectable()
export class Dependencies {
  private stopping = false;

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly databaseHealth: DatabaseHealth,
    private readonly cacheHealth: CacheHealth,
    private readonly metrics: Metrics,
  ) {}

  /** No new work is to come here from now on, though what comes is still answered. */
  stop(): void {
    this.stopping = true;
    this.metrics.draining.set(1);
  }

  process() {
    const process = this.indicators.check('process');
    return this.stopping ? process.down({ state: 'draining' }) : process.up({ state: 'serving' });
  }

  async database() {
    const { state, migrations, ...rest } = await this.databaseHealth.check();
    const database = this.indicators.check('database');
    const schema = this.indicators.check('migrations');
    return {
      ...(state === 'up' ? database.up(rest) : database.down(rest)),
      ...(migrations === 'behind' ? schema.down({ schema: migrations }) : schema.up({ schema: migrations })),
    };
  }

  /** Redis only makes things sooner: away is `degraded`, never a reason to leave the load balancer. */
  async redis() {
    const { state, ...rest } = await this.cacheHealth.check();
    const redis = this.indicators.check('redis');
    return state === 'degraded' ? redis.degraded(rest) : redis.up({ ...rest, configured: state !== 'off' });
  }
}

@ApiTags('Health')
@Public()
@SkipThrottle()
@Controller()
export class HealthController {
  constructor(
    private readonly checks: HealthCheckService,
    private readonly dependencies: Dependencies,
  ) {}

  /** Liveness: the event loop turns. Asks nobody: a dead database must not restart the pod. */
  @Get('healthz')
  @ApiOkResponse({ description: 'Alive.' })
  live() {
    return { ok: true, timestamp: new Date().toISOString(), uptimeSeconds: Math.round(process.uptime()) };
  }

  /** Readiness: off from the moment the process is told to stop, until it has ended. */
  @Get('readyz')
  @ApiOkResponse({ description: 'Ready: each dependency with its state and latency.' })
  @ApiServiceUnavailableResponse({ description: 'Not ready: which dependency is down.' })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    void reply.header('cache-control', 'no-store');
    try {
      return await this.checks.check([
        () => this.dependencies.process(),
        () => this.dependencies.database(),
        () => this.dependencies.redis(),
      ]);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      void reply.status(503);
      return error.getResponse();
    }
  }
}
