import { Injectable } from '@nestjs/common';
import { LruMap } from './lru-map.js';
import { RedisLink } from './redis-link.js';

/** About 10 MB; beyond it the counters that were not used for longest start again. */
const LOCAL_COUNTERS = 50_000;

/** One step, so that no counter can stay behind without a TTL. */
const INCREMENT = `
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return { count, left }`;

interface Count {
  /** How often in this window, this time included. */
  readonly count: number;
  /** How long until the window ends. */
  readonly resetMs: number;
}

/** Counts per key in fixed windows, over all replicas; per replica, from the last shared count on, while Redis is away. */
@Injectable()
export class Counters {
  /** Windows end on the monotonic clock. */
  private readonly local = new LruMap<string, { count: number; endsAt: number }>(LOCAL_COUNTERS);

  constructor(private readonly link: RedisLink) {}

  async increment(key: string, windowMs: number): Promise<Count> {
    const window = Math.max(1, Math.ceil(windowMs));
    if (!this.link.isUp) return this.incrementLocal(key, window);
    try {
      const { count, resetMs } = await this.incrementShared(key, window);
      this.local.set(key, { count, endsAt: performance.now() + resetMs });
      return { count, resetMs };
    } catch {
      return this.incrementLocal(key, window);
    }
  }

  private async incrementShared(key: string, window: number): Promise<Count> {
    const name = `a2a:limit:${key}`;
    const reply = await this.link.run((client) =>
      client.eval(INCREMENT, { keys: [name], arguments: [String(window)] }),
    );
    const [count, resetMs] = reply as unknown as [number, number];
    return { count, resetMs };
  }

  private incrementLocal(key: string, window: number): Count {
    const now = performance.now();
    const known = this.local.get(key);
    const counter = known !== undefined && known.endsAt > now ? known : { count: 0, endsAt: now + window };
    counter.count += 1;
    this.local.set(key, counter);
    return { count: counter.count, resetMs: Math.ceil(counter.endsAt - now) };
  }
}
