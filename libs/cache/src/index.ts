export { Cache } from './cache.js';
export { CacheModule } from './cache.module.js';
export { CacheHealth } from './cache-health.js';
export { type Bucket, Buckets, type Rate, type Taken } from './buckets.js';
export { Hints } from './hints.js';
export { type CopiesOf, HotCopies } from './hot-copies.js';
