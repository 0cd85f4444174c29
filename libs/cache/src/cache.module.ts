import { Config } from '@app/config';
import { Metrics } from '@app/telemetry';
import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Cache } from './cache.js';
import { CacheHealth } from './cache-health.js';
import { Buckets } from './buckets.js';
import { Hints } from './hints.js';
import { HotCopies } from './hot-copies.js';
import { RedisLink } from './redis-link.js';

@Global()
@Module({
  providers: [
    { provide: RedisLink, inject: [Config], useFactory: (config: Config) => RedisLink.open(config.redisUrl) },
    { provide: Cache, inject: [RedisLink], useFactory: (link: RedisLink) => Cache.open(link) },
    Buckets,
    Hints,
    HotCopies,
    CacheHealth,
  ],
  exports: [Buckets, Cache, Hints, HotCopies, CacheHealth],
})
export class CacheModule implements OnApplicationShutdown {
  constructor(
    private readonly link: RedisLink,
    private readonly hints: Hints,
    metrics: Metrics,
  ) {
    link.onChange((isUp) => metrics.redisIs(isUp ? 'up' : 'away'));
  }

  /** Last of all: others may still publish and delete while they shut down. */
  onApplicationShutdown(): void {
    this.hints.close();
    this.link.close();
  }
}
