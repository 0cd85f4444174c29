import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type LimitName, Log, Metrics } from '@app/telemetry';
import type { Hits } from './rate-limits.schemas.js';

const STORE_EVERY_MS = 2_000;
/** One line for each client, limit and agent in this time; the next line says how many there were. */
const LOG_EVERY_MS = 1_000;
/** Different offenders noted between two stores; beyond it they are counted without a name. */
const MAX_NOTED = 1_000;

/** Somebody who met a limit. */
export interface Hit {
  readonly limit: LimitName;
  readonly client: string;
  readonly agent?: string;
  readonly address?: string;
  readonly retryAfterSeconds: number;
}

interface Noted {
  readonly hit: Hit;
  hits: number;
}

/** Who met limits, and how often: told by log and metrics at once, stored every two seconds for all replicas to show. */
@Injectable()
export class RateLimitHits implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('RateLimits');
  private noted = new Map<string, Noted>();
  private readonly told = new Map<string, { at: number; since: number }>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly db: DataSource,
    private readonly metrics: Metrics,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.store(), STORE_EVERY_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.store();
  }

  note(hit: Hit): void {
    this.metrics.limited(hit.limit, hit.agent);
    const key = JSON.stringify([hit.limit, hit.client, hit.agent ?? '']);
    this.tell(key, hit);
    const known = this.noted.get(key);
    if (known !== undefined) known.hits++;
    else if (this.noted.size < MAX_NOTED) this.noted.set(key, { hit, hits: 1 });
  }

  /** Of the last hour, the worst first. */
  async top(limit: number): Promise<Hits> {
    await this.store();
    const rows = (await this.db.query(
      `select limit_name, client, agent, sum(hits)::int as hits, max(minute) as last
         from rate_limit_hits where minute > now() - interval '1 hour'
        group by limit_name, client, agent
        order by hits desc, last desc, client limit $1`,
      [limit],
    )) as { limit_name: string; client: string; agent: string; hits: number; last: Date }[];
    const items = rows.map(({ limit_name, client, agent, hits, last }) => ({
      limit: limit_name,
      client,
      ...(agent !== '' && { agent }),
      hits,
      lastMinute: last.toISOString(),
    }));
    return { items };
  }

  private tell(key: string, { limit, client, agent, address, retryAfterSeconds }: Hit): void {
    const now = performance.now();
    const told = this.told.get(key);
    if (told !== undefined && now - told.at < LOG_EVERY_MS) {
      told.since++;
      return;
    }
    const times = (told?.since ?? 0) + 1;
    const what = { event: 'rate limit', limit, client, agent, address, retryAfterSeconds, times };
    this.log.warn('Rate limit exceeded', what);
    if (this.told.size >= MAX_NOTED) this.told.clear();
    this.told.set(key, { at: now, since: 0 });
  }

  /** The minute is the database's, so that replicas agree on it. */
  private async store(): Promise<void> {
    const noted = [...this.noted.values()].sort((a, b) => order(a.hit).localeCompare(order(b.hit)));
    if (noted.length === 0) return;
    this.noted = new Map();
    try {
      await this.db.query(
        `insert into rate_limit_hits (minute, limit_name, client, agent, hits)
         select date_trunc('minute', now()), * from unnest($1::text[], $2::text[], $3::text[], $4::int[])
         on conflict on constraint pk_rate_limit_hits do update set hits = rate_limit_hits.hits + excluded.hits`,
        [
          noted.map(({ hit }) => hit.limit),
          noted.map(({ hit }) => hit.client),
          noted.map(({ hit }) => hit.agent ?? ''),
          noted.map(({ hits }) => hits),
        ],
      );
      await this.db.query(`delete from rate_limit_hits where minute < now() - interval '2 hours'`);
    } catch (cause) {
      this.log.warn('Rate limit hits could not be stored', { offenders: noted.length, cause });
    }
  }
}

/** Two replicas that store at once lock the rows in the same order. */
const order = ({ limit, client, agent = '' }: Hit): string => `${limit} ${client} ${agent}`;
