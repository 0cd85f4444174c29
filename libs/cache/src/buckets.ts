import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LruMap } from './lru-map.js';
import { type RedisClient, RedisLink } from './redis-link.js';

/** About 10 MB; beyond it the buckets that were not used for longest are full again. */
const LOCAL_BUCKETS = 50_000;

/** How fast something may happen: so often at once, and so often a minute in the long run. */
export interface Rate {
  readonly perMinute: number;
  readonly burst: number;
}

/** With another rate it is another bucket, and full. */
export interface Bucket extends Rate {
  readonly key: string;
}

const nameOf = ({ key, perMinute, burst }: Bucket): string => `${key}:${perMinute}/${burst}`;

/** A bucket after it was asked. */
interface Level {
  /** How often more it may be at once. */
  readonly remaining: number;
  /** How long until it is full again. */
  readonly resetMs: number;
  /** How long until there is enough for what was asked; 0 when there is. */
  readonly retryMs: number;
}

export interface Taken {
  /** In the order of the buckets. */
  readonly levels: readonly Level[];
  /** False: this replica counted alone. */
  readonly isShared: boolean;
}

/**
 * The generic cell rate algorithm over several buckets in one step: taken from all of them or from none. A bucket is one
 * number, the moment at which it is full again, and a key that is not there is a full one.
 */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local cost = tonumber(ARGV[1])
local levels, full, enough = {}, {}, true
for i, key in ipairs(KEYS) do
  local interval = 60000 / tonumber(ARGV[2 * i])
  local capacity = interval * tonumber(ARGV[2 * i + 1])
  local before = math.max(tonumber(redis.call('GET', key) or now), now) - now
  local wait = before + interval * cost - capacity
  if wait > 0.001 then enough = false end
  full[i] = before + interval * cost
  levels[i] = { before, interval, capacity, wait }
end
local answer = {}
for i, key in ipairs(KEYS) do
  local before, interval, capacity, wait = unpack(levels[i])
  if enough and cost > 0 then
    before = full[i]
    redis.call('SET', key, string.format('%.3f', now + before), 'PX', math.ceil(before))
  end
  answer[3 * i - 2] = math.floor((capacity - before) / interval + 0.001)
  answer[3 * i - 1] = math.ceil(before)
  answer[3 * i] = math.max(0, math.ceil(wait - 0.001))
end
return answer`;
const TAKE_SHA = createHash('sha1').update(TAKE).digest('hex');

/** Token buckets over all replicas; per replica, from the last shared level on, while Redis is away. */
@Injectable()
export class Buckets {
  /** When each is full again, on the monotonic clock. */
  private readonly fullAt = new LruMap<string, number>(LOCAL_BUCKETS);

  constructor(private readonly link: RedisLink) {}

  /**
   * At once while this replica counts alone: then it costs no turn of the event loop.
   * @param cost 0 only looks
   */
  take(buckets: readonly Bucket[], cost = 1): Taken | Promise<Taken> {
    if (!this.link.isUp) return { levels: this.takeLocal(buckets, cost), isShared: false };
    return this.takeShared(buckets, cost).then(
      (levels) => {
        const now = performance.now();
        buckets.forEach((bucket, i) => this.fullAt.set(nameOf(bucket), now + (levels[i]?.resetMs ?? 0)));
        return { levels, isShared: true };
      },
      () => ({ levels: this.takeLocal(buckets, cost), isShared: false }),
    );
  }

  private async takeShared(buckets: readonly Bucket[], cost: number): Promise<Level[]> {
    const keys = buckets.map((bucket) => `a2a:limit:${nameOf(bucket)}`);
    const args = [cost, ...buckets.flatMap(({ perMinute, burst }) => [perMinute, burst])].map(String);
    const numbers = (await this.link.run((client) => evaluate(client, keys, args))) as number[];
    return buckets.map((_, i) => {
      const [remaining = 0, resetMs = 0, retryMs = 0] = numbers.slice(3 * i);
      return { remaining, resetMs, retryMs };
    });
  }

  /** The same as the script. */
  private takeLocal(buckets: readonly Bucket[], cost: number): Level[] {
    const now = performance.now();
    const asked = buckets.map((bucket) => {
      const { perMinute, burst } = bucket;
      const key = nameOf(bucket);
      const interval = 60_000 / perMinute;
      const before = Math.max((this.fullAt.get(key) ?? now) - now, 0);
      return { key, interval, before, capacity: interval * burst, wait: before + interval * (cost - burst) };
    });
    const isEnough = asked.every(({ wait }) => wait <= 0.001);
    return asked.map(({ key, interval, before, capacity, wait }) => {
      const after = isEnough ? before + interval * cost : before;
      if (isEnough && cost > 0) this.fullAt.set(key, now + after);
      return {
        remaining: Math.floor((capacity - after) / interval + 0.001),
        resetMs: Math.ceil(after),
        retryMs: Math.max(0, Math.ceil(wait - 0.001)),
      };
    });
  }
}

/** A restarted server does not know the script any more. */
async function evaluate(client: RedisClient, keys: string[], args: string[]): Promise<unknown> {
  try {
    return await client.evalSha(TAKE_SHA, { keys, arguments: args });
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return client.eval(TAKE, { keys, arguments: args });
  }
}
