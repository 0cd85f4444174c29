import { randomUUID } from 'node:crypto';
import { Config } from '@app/config';
import { Postgres } from '@app/database';
import { Log, Metrics } from '@app/telemetry';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import pg from 'pg';
import { BEAT, CONNECTIONS, DEAD_AFTER_MS, GAP_MS, LEAVE, REGISTER } from './sql.js';

const BEAT_MS = 1_000;
/** A beat without an answer for so long has failed. */
const BEAT_TIMEOUT_MS = 2_000;
/** After its last good beat an executor trusts itself for so long: less than others do. */
const FRESH_MS = DEAD_AFTER_MS - 1_000;
/** After an outage of PostgreSQL everybody looks dead; whoever judges must have seen the others beat again. */
const JUDGES_AFTER_MS = 2 * DEAD_AFTER_MS;

/**
 * This process as the owner of tasks: an id that lives as long as its heartbeat, on a connection of its own and by
 * PostgreSQL's clock. Declared dead by others, it drops everything and goes on under a new id.
 */
@Injectable()
export class Executor implements OnModuleInit, OnApplicationShutdown {
  private readonly log = new Log('Executor');
  private readonly listeners = new Set<() => void>();
  private current = randomUUID();
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> = Promise.resolve();
  private stopped = false;
  /** When the last good beat was sent: PostgreSQL's clock cannot have been earlier. */
  private lastBeat = -Infinity;
  private gaplessSince = -Infinity;

  constructor(
    private readonly postgres: Postgres,
    private readonly config: Config,
    private readonly metrics: Metrics,
  ) {}

  /** Who owns what this process works on; changes when it was declared dead. */
  get id(): string {
    return this.current;
  }

  async onModuleInit(): Promise<void> {
    await this.register();
    await this.checkConnections();
    this.schedule();
  }

  /** Last of all: what is still owned is free from now on. */
  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.beating;
    await this.client?.query(LEAVE, [this.current]).catch(() => undefined);
    await this.client?.end().catch(() => undefined);
  }

  /** Nobody can have declared it dead yet. To be asked before anything is done that cannot be taken back. */
  isFresh(): boolean {
    return performance.now() - this.lastBeat < FRESH_MS;
  }

  mayJudge(): boolean {
    const now = performance.now();
    return now - this.lastBeat < GAP_MS && now - this.gaplessSince >= JUDGES_AFTER_MS;
  }

  /** Called when this process was declared dead and owns nothing any more. */
  onLost(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.beating = this.beat().finally(() => this.schedule());
    }, BEAT_MS);
  }

  private async beat(): Promise<void> {
    const sentAt = performance.now();
    try {
      const client = await this.connected();
      const { rowCount } = await client.query(BEAT, [this.current]);
      this.metrics.heartbeats.inc({ outcome: rowCount === 0 ? 'lost' : 'ok' });
      if (rowCount === 0) await this.startAgain();
      else this.noteBeat(sentAt);
    } catch (cause) {
      this.metrics.heartbeats.inc({ outcome: 'failed' });
      this.log.debug('A heartbeat failed', { cause });
      this.drop();
    }
  }

  private noteBeat(sentAt: number): void {
    const gapMs = sentAt - this.lastBeat;
    if (gapMs > GAP_MS) {
      this.gaplessSince = sentAt;
      this.log.debug('A gap between heartbeats: nobody is judged for a while', { gapMs: Math.round(gapMs) });
    }
    this.lastBeat = sentAt;
  }

  private async startAgain(): Promise<void> {
    this.log.warn('This process was declared dead and drops what it was working on', { executor: this.current });
    this.current = randomUUID();
    this.lastBeat = -Infinity;
    for (const listener of this.listeners) listener();
    await this.register();
  }

  private async register(): Promise<void> {
    const sentAt = performance.now();
    const client = await this.connected();
    const { application_name: name = '' } = this.postgres.connection;
    await client.query(REGISTER, [this.current, name, this.config.database.poolSize + 1]);
    this.noteBeat(sentAt);
  }

  private async checkConnections(): Promise<void> {
    const client = await this.connected();
    const { rows } = await client.query<{ allowed: number; wanted: number }>(CONNECTIONS);
    const [found] = rows;
    if (found !== undefined && found.wanted > found.allowed)
      this.log.warn('All replicas together may open more connections than PostgreSQL takes; lower DATABASE_POOL_SIZE', {
        ...found,
      });
  }

  private async connected(): Promise<pg.Client> {
    if (this.client !== undefined) return this.client;
    const client = new pg.Client({
      ...this.postgres.connection,
      statement_timeout: BEAT_TIMEOUT_MS,
      query_timeout: BEAT_TIMEOUT_MS,
      connectionTimeoutMillis: BEAT_TIMEOUT_MS,
    });
    client.on('error', () => this.drop(client));
    this.client = client;
    await client.connect();
    return client;
  }

  private drop(client = this.client): void {
    if (client === undefined || client !== this.client) return;
    this.client = undefined;
    client.end().catch(() => undefined);
  }
}
