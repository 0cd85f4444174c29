export { RateLimitGuard } from './rate-limit.guard.js';
export { RateLimiter } from './rate-limiter.js';
export { RateLimitsModule } from './rate-limits.module.js';
