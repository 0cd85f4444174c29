import { type Cache as CacheManager, createCache } from 'cache-manager';
import type { RedisLink } from './redis-link.js';
import { memoryValues, redisValues } from './values.js';

/** What is worth keeping longer does not belong into a cache. */
const LONGEST_TTL_MS = 7 * 24 * 3_600_000;

/**
 * Values that may vanish at any moment, shared between replicas when Redis is there. Values are JSON; every one has a
 * TTL. While Redis is away everything is a miss; nothing here ever fails because of Redis.
 */
export class Cache {
  private readonly loads = new Map<string, Promise<unknown>>();

  private constructor(private readonly values: CacheManager) {}

  static async open(link: RedisLink): Promise<Cache> {
    const values = link.client === undefined ? memoryValues() : await redisValues(link, link.client);
    return new Cache(createCache({ stores: [values] }));
  }

  get<T>(key: string): Promise<T | undefined> {
    return this.values.get<T>(key);
  }

  /** A TTL that is over already deletes. */
  async set(key: string, value: unknown, ttlMs: number): Promise<void> {
    this.loads.delete(key);
    await this.store(key, value, ttlMs);
  }

  async delete(key: string): Promise<void> {
    this.loads.delete(key);
    await this.values.del(key);
  }

  /**
   * The value, else what `load` comes back with, which is kept. Who asks while it loads waits for the same load, so it
   * must not hang on one caller's signal. cache-manager's own `wrap` would hand a load that began before a delete to
   * those who ask after it, and keep its result.
   */
  wrap<T>(key: string, ttlMs: number, load: () => Promise<T>): Promise<T> {
    const running = this.loads.get(key);
    if (running !== undefined) return running as Promise<T>;
    const isCurrent = () => this.loads.get(key) === result;
    const result = this.readOrLoad(key, ttlMs, load, isCurrent).finally(() => {
      if (isCurrent()) this.loads.delete(key);
    });
    this.loads.set(key, result);
    return result;
  }

  private async readOrLoad<T>(
    key: string,
    ttlMs: number,
    load: () => Promise<T>,
    isCurrent: () => boolean,
  ): Promise<T> {
    const known = await this.get<T>(key);
    if (known !== undefined) return known;
    const value = await load();
    if (value === undefined || !isCurrent()) return value;
    await this.store(key, value, ttlMs);
    // A delete may have overtaken the write.
    if (!isCurrent()) await this.values.del(key);
    return value;
  }

  private async store(key: string, value: unknown, ttlMs: number): Promise<void> {
    const ttl = Math.min(Math.ceil(ttlMs), LONGEST_TTL_MS);
    if (ttl > 0) await this.values.set(key, value, ttl);
    else await this.values.del(key);
  }
}
