import { Injectable } from '@nestjs/common';
import { Log, Metrics } from '@app/telemetry';
import type { SchemaState } from './schema-state.js';
import pg, { type PoolClient } from 'pg';

/** An outage makes every caller fail; so many identical lines help nobody. */
const SILENCE_MS = 5_000;
/** pg-pool's words for "all connections stayed in use as long as I was willing to wait". */
const WAITED_IN_VAIN = 'timeout exceeded when trying to connect';

type OnClient = (
  error: Error | undefined,
  client: PoolClient | undefined,
  release: (error?: Error | boolean) => void,
) => void;

/** Knows how connecting goes: says it in the log, in the words that runbooks look for, and in the gauges. */
@Injectable()
export class PoolWatch {
  private readonly log = new Log('Database');
  private readonly lastSaid = new Map<string, number>();
  private reachable = true;

  constructor(private readonly metrics: Metrics) {}

  /** The gauges are read from the pool when they are scraped, so they cost nothing else. */
  observe(pool: pg.Pool): void {
    const gauge = this.metrics.databaseConnections;
    const collect = () => {
      gauge.set({ state: 'size' }, pool.totalCount);
      gauge.set({ state: 'used' }, pool.totalCount - pool.idleCount);
      gauge.set({ state: 'waiting' }, pool.waitingCount);
    };
    Object.assign(gauge, { collect });
  }

  schemaIs(state: SchemaState): void {
    this.metrics.schemaIs(state);
  }

  failed(error: unknown): void {
    const isExhausted = error instanceof Error && error.message === WAITED_IN_VAIN;
    this.metrics.databaseFailures.inc({ reason: isExhausted ? 'exhausted' : 'unreachable' });
    if (isExhausted) return this.say('Connection pool exhausted', error);
    this.reachable = false;
    this.say('Cannot connect to database', error);
  }

  succeeded(): void {
    if (this.reachable) return;
    this.reachable = true;
    this.lastSaid.clear();
    this.log.info('Database is reachable again');
  }

  private say(message: string, cause: unknown): void {
    const now = performance.now();
    if (now - (this.lastSaid.get(message) ?? -Infinity) < SILENCE_MS) return;
    this.lastSaid.set(message, now);
    this.log.error(message, { cause });
  }
}

/** An error that nobody listens to ends the process. Whoever uses the connection is told by its next statement. */
const ignored = (): void => undefined;

/** pg's pool, which tells nobody how connecting went, as TypeORM's `driver`. */
export function watchedDriver(watch: PoolWatch): { Pool: typeof pg.Pool; defaults: typeof pg.defaults } {
  class WatchedPool extends pg.Pool {
    constructor(options?: pg.PoolConfig) {
      super(options);
      this.on('connect', (client) => {
        // The pool has stopped listening and its taker has not begun to when a connection ends with the words that open it.
        client.on('error', ignored);
        watch.succeeded();
      });
      watch.observe(this);
    }

    override connect(): Promise<PoolClient>;
    override connect(callback: OnClient): void;
    override connect(callback?: OnClient): Promise<PoolClient> | void {
      if (callback !== undefined)
        return super.connect((error, client, release) => {
          if (error !== undefined) watch.failed(error);
          callback(error, client, release);
        });
      const connecting = super.connect();
      connecting.catch((error: unknown) => watch.failed(error));
      return connecting;
    }
  }
  return { Pool: WatchedPool, defaults: pg.defaults };
}
