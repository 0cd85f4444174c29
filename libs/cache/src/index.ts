export { Cache } from './cache.js';
export { CacheModule } from './cache.module.js';
export { CacheHealth, type CacheState } from './cache-health.js';
export { type Count, Counters } from './counters.js';
export { type HintListener, Hints } from './hints.js';
