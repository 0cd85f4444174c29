import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Log } from '@app/telemetry';
import { DataSource, type EntityManager } from 'typeorm';
import { isDatabaseAway } from './sqlstate.js';

const POLL_MS = 500;
/** However many unknown names are asked for. */
const CATCH_UP_EVERY_MS = 50;

type Listener = () => void | Promise<void>;

/**
 * Tells every replica that something changed. Whoever changes it bumps its topic in the same transaction; whoever keeps
 * a copy in memory watches the topic. A row and not a message, so that nobody can miss it.
 */
@Injectable()
export class Revisions implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('Revisions');
  private readonly topics = new Map<string, { seen?: string; readonly listeners: Set<Listener> }>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private polling: Promise<void> = Promise.resolve();
  private caughtUpAt = -Infinity;
  private catchingUp: Promise<void> | undefined;

  constructor(private readonly dataSource: DataSource) {}

  /** Call it last in the transaction: until its end nobody else can bump the topic. */
  async bump(manager: EntityManager, topic: string): Promise<void> {
    await manager.query(
      `insert into revisions (topic, revision) values ($1, 1)
       on conflict (topic) do update set revision = revisions.revision + 1`,
      [topic],
    );
  }

  /**
   * The listener runs when any replica has changed the topic, and once soon after the first change ever known, since
   * what was read before watching may be older. One that fails runs again with the next poll.
   * @returns stops watching
   */
  watch(topic: string, listener: Listener): () => void {
    const watched = this.topics.get(topic) ?? { listeners: new Set() };
    watched.listeners.add(listener);
    watched.seen = undefined;
    this.topics.set(topic, watched);
    return () => watched.listeners.delete(listener);
  }

  /** Looks now: when it resolves, listeners have seen every change that was committed before the call. */
  check(): Promise<void> {
    const polled = this.polling.then(() => this.poll());
    this.polling = polled.catch(() => undefined);
    return polled;
  }

  /**
   * As `check`, for a name that is not known: it may have been made on another replica a moment ago. All who ask within
   * 50 ms share one look, which begins after each of them asked. Never rejects: the pool says when the database is away.
   */
  catchUp(): Promise<void> {
    if (this.catchingUp !== undefined) return this.catchingUp;
    const inMs = this.caughtUpAt + CATCH_UP_EVERY_MS - performance.now();
    if (inMs <= 0) return this.catchUpNow();
    this.catchingUp = sleep(inMs).then(() => {
      this.catchingUp = undefined;
      return this.catchUpNow();
    });
    return this.catchingUp;
  }

  private catchUpNow(): Promise<void> {
    this.caughtUpAt = performance.now();
    return this.check().catch(() => undefined);
  }

  onApplicationBootstrap(): void {
    this.schedule();
  }

  /** A poll that is under way ends with the DataSource; a frozen database must not hold up the stop. */
  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      // While the database is away the pool says so, and the next poll is soon enough.
      void this.check()
        .catch(() => undefined)
        .finally(() => this.schedule());
    }, POLL_MS);
  }

  private async poll(): Promise<void> {
    if (this.stopped || this.topics.size === 0) return;
    const sql = 'select topic, revision from revisions';
    const rows = (await this.dataSource.query(sql)) as { topic: string; revision: string }[];
    for (const { topic, revision } of rows) if (!this.stopped) await this.notify(topic, revision);
  }

  private async notify(topic: string, revision: string): Promise<void> {
    const watched = this.topics.get(topic);
    if (watched === undefined || watched.seen === revision) return;
    try {
      await Promise.all([...watched.listeners].map(async (listener) => listener()));
      watched.seen = revision;
    } catch (error) {
      // An outage is told by the pool.
      const level = isDatabaseAway(error) ? 'debug' : 'error';
      this.log[level]('A change could not be taken over; trying again', { topic, cause: error });
    }
  }
}
