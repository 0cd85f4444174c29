import { Injectable } from '@nestjs/common';
import { RedisLink } from './redis-link.js';

interface CacheState {
  /** `degraded`: Redis is configured but away; `off`: none is configured. */
  readonly state: 'up' | 'degraded' | 'off';
  readonly latencyMs?: number;
  readonly detail?: string;
}

@Injectable()
export class CacheHealth {
  constructor(private readonly link: RedisLink) {}

  /** Answers within a bounded time, whatever Redis does. */
  async check(): Promise<CacheState> {
    if (this.link.client === undefined) return { state: 'off', detail: 'No Redis is configured; memory is used' };
    const askedAt = performance.now();
    try {
      await this.link.run((client) => client.ping());
      return { state: 'up', latencyMs: Math.round((performance.now() - askedAt) * 100) / 100 };
    } catch {
      return { state: 'degraded', detail: `Redis unreachable: ${this.link.reason}` };
    }
  }
}
