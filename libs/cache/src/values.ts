import { type CacheManagerStore, KeyvAdapter } from 'cache-manager';
import { Keyv, type KeyvOptions } from 'keyv';
import { LostWrites } from './lost-writes.js';
import { LruMap } from './lru-map.js';
import type { RedisClient, RedisLink } from './redis-link.js';

const MEMORY_ENTRIES = 10_000;
const NAMESPACE = 'a2a:cache';

/** Memory keeps text too, so that a value read is a copy there as well. */
const asJson: KeyvOptions = {
  namespace: NAMESPACE,
  serialize: (data) => JSON.stringify(data),
  deserialize: (text) => JSON.parse(text),
};

export function memoryValues(): Keyv {
  return new Keyv({ ...asJson, store: new LruMap<string, string>(MEMORY_ENTRIES) });
}

/**
 * cache-manager-redis-yet, on our own client and behind cache-manager 7's bridge. Of its methods only these three are
 * right: its reset is FLUSHDB, its keys is KEYS, and its bulk methods do not fit the bridge.
 */
export async function redisValues(link: RedisLink, client: RedisClient): Promise<Keyv> {
  const { redisInsStore } = await import('cache-manager-redis-yet'); // 190 ms and 38 MB: only when Redis is configured
  const upstream = redisInsStore(client as unknown as Parameters<typeof redisInsStore>[0]);
  const lost = new LostWrites(`${NAMESPACE}:`);
  const nameOf = (key: string) => `${key}@${link.serverRun}`;
  link.onReturn((returned) => lost.settle(returned, nameOf));

  const write = async (key: string, work: () => Promise<void>) => {
    try {
      await link.run(work);
    } catch {
      lost.add(key);
    }
  };
  const store: CacheManagerStore = {
    name: 'redis',
    get: (key) => link.run(() => upstream.get(nameOf(key))),
    set: (key, value, ttl) => write(key, () => upstream.set(nameOf(key), value, ttl)),
    del: (key) => write(key, () => upstream.del(nameOf(key))),
    mget: unsupported,
    mset: unsupported,
    mdel: unsupported,
    ttl: unsupported,
    keys: unsupported,
    reset: unsupported,
  };
  return new Keyv({ ...asJson, store: new KeyvAdapter(store) });
}

function unsupported(): Promise<never> {
  throw new Error('The cache reads and writes one key at a time');
}
