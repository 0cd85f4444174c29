import { Global, Module } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ClientAddress } from '@app/web';
import { BlockedClientRow } from './blocked-client.entity.js';
import { RateLimitHitRow } from './rate-limit-hit.entity.js';
import { RateLimitHits } from './rate-limit-hits.js';
import { RateLimitRules } from './rate-limit-rules.js';
import { RateLimitRow } from './rate-limit.entity.js';
import { RateLimiter } from './rate-limiter.js';
import { RateLimitsController } from './rate-limits.controller.js';
import { RateLimitsService } from './rate-limits.service.js';

@Global()
@Module({
  imports: [
    TypeOrmModule.forFeature([RateLimitRow, BlockedClientRow, RateLimitHitRow]),
    // The limits themselves are of the limiter: they differ from caller to caller, and other doors ask for them too.
    ThrottlerModule.forRoot([{ limit: 1, ttl: 60_000 }]),
  ],
  controllers: [RateLimitsController],
  providers: [ClientAddress, RateLimiter, RateLimitHits, RateLimitRules, RateLimitsService],
  exports: [ClientAddress, RateLimiter, ThrottlerModule],
})
export class RateLimitsModule {}
