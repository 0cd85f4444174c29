import type { RedisClient } from './redis-link.js';

/** Beyond so many keys it is cheaper to forget everything that is cached. */
const REMEMBERED_AT_MOST = 10_000;

/**
 * Keys whose last write may not have reached Redis. An older value under such a key would come back to life together
 * with Redis, so these keys are deleted before anything is read again; a lost `set` counts like a lost `delete`, its
 * value is loaded afresh. If the process dies before that, the TTL of the old value is what bounds its life.
 */
export class LostWrites {
  private readonly keys = new Set<string>();
  private tooMany = false;

  constructor(private readonly prefix: string) {}

  add(key: string): void {
    if (this.keys.size < REMEMBERED_AT_MOST) this.keys.add(key);
    else this.tooMany = true;
  }

  /** Deletes them, and those that are added meanwhile. */
  async settle(client: RedisClient, nameOf: (key: string) => string): Promise<void> {
    while (this.tooMany || this.keys.size > 0) {
      const keys = [...this.keys];
      if (this.tooMany) await this.forgetEverything(client);
      else await client.unlink(keys.map(nameOf));
      for (const key of keys) this.keys.delete(key);
    }
  }

  /** By SCAN, because FLUSHDB would take what is not ours and KEYS would block the server. */
  private async forgetEverything(client: RedisClient): Promise<void> {
    this.tooMany = false;
    try {
      for await (const names of client.scanIterator({ MATCH: `${this.prefix}*`, COUNT: 1_000 }))
        if (names.length > 0) await client.unlink(names);
    } catch (error) {
      this.tooMany = true;
      throw error;
    }
  }
}
