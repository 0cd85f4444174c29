import { Hints } from '@app/cache';
import { DomainError } from '@app/core';
import { Log } from '@app/telemetry';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Feed, type Following } from './feed.js';
import { EVENT_PAGE, type News, readEvents, readNews } from './sql-read.js';
import { toldEvent } from './stored-event.js';
import { readWhole } from './whole-task.js';
import { type TaskRow, viewOf } from './task-row.js';
import type { TaskEvent } from './task-event.js';

const TOPIC = 'tasks';
/** While hints arrive, the poll only makes good those that got lost. */
const POLL_MS = { hinted: 1_000, alone: 200 };
/** Tasks one hint names: it stays below 4 KiB. */
const TASKS_PER_HINT = 64;
/** What is told to others within this goes into one hint: each costs all replicas as much as a small statement. */
const ANNOUNCE_MS = 10;

/** The tasks that are followed in this process: one reader for each, of rows, whoever writes them. */
@Injectable()
export class Feeds implements OnApplicationShutdown {
  private readonly log = new Log('Feeds');
  private readonly feeds = new Map<string, { feed: Feed; followers: number }>();
  /** Worked on here: their events come without being read. */
  private readonly owned = new Set<string>();
  private readonly dirty = new Set<string>();
  /** How far tasks are, to be told to other replicas. */
  private readonly news = new Map<string, number>();
  private announcing: NodeJS.Timeout | undefined;
  private reading: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private readonly unsubscribe: () => void;

  constructor(
    private readonly db: DataSource,
    private readonly hints: Hints,
  ) {
    this.unsubscribe = hints.subscribe(TOPIC, ({ tasks }) => this.hinted(tasks));
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    this.unsubscribe();
    clearTimeout(this.timer);
    clearTimeout(this.announcing);
  }

  /** Follows a task from an event on, up to its result. @param row as it is now */
  async *follow(row: TaskRow, following: Following): AsyncGenerator<TaskEvent, void, undefined> {
    const entry = this.feeds.get(row.id) ?? { feed: this.feedOf(row), followers: 0 };
    this.feeds.set(row.id, entry);
    entry.followers++;
    if (entry.feed.seen(row)) this.refresh([row.id]);
    this.schedule();
    // No number is beyond the end.
    const from = Math.min(following.from ?? 0, Math.max(row.last_seq, entry.feed.end));
    try {
      yield* entry.feed.read({ ...following, from });
    } finally {
      entry.followers--;
      if (entry.followers === 0) this.feeds.delete(row.id);
    }
  }

  /** The feed of a task, if it is followed here. */
  of(id: string): Feed | undefined {
    return this.feeds.get(id)?.feed;
  }

  own(id: string): void {
    this.owned.add(id);
  }

  disown(id: string): void {
    this.owned.delete(id);
    if (this.of(id)?.resting === false) this.refresh([id]);
  }

  /** Tells other replicas how far tasks are. */
  announce(tasks: readonly (readonly [id: string, seq: number])[]): void {
    for (const [id, seq] of tasks) this.news.set(id, seq);
    if (!this.stopped) this.announcing ??= setTimeout(() => this.tellNews(), ANNOUNCE_MS);
  }

  /** Somebody else than its owner wrote to a task. */
  changed(id: string, seq: number): void {
    this.refreshBehind([[id, seq]]);
    this.announce([[id, seq]]);
  }

  private tellNews(): void {
    this.announcing = undefined;
    const tasks = [...this.news];
    this.news.clear();
    for (let i = 0; i < tasks.length; i += TASKS_PER_HINT)
      this.hints.publish(TOPIC, { tasks: tasks.slice(i, i + TASKS_PER_HINT) });
  }

  private feedOf(row: TaskRow): Feed {
    return new Feed(row, {
      page: async (task, after, before) =>
        (await readEvents(this.db, task.id, after, before)).map((event) => toldEvent(event, task)),
      view: async ({ id }) => {
        const whole = await readWhole(this.db, id);
        if (whole === undefined) throw new DomainError('not_found', `No task ${id}: it was removed`);
        return { task: viewOf(whole.row, whole.snapshot), resting: whole.row.rested_at !== null };
      },
    });
  }

  private hinted(tasks: unknown): void {
    if (Array.isArray(tasks)) this.refreshBehind(tasks as [string, number][]);
  }

  private refreshBehind(tasks: readonly (readonly [id: string, seq: number])[]): void {
    this.refresh(tasks.flatMap(([id, seq]) => ((this.of(id)?.end ?? Infinity) < seq ? [id] : [])));
  }

  private schedule(): void {
    if (this.stopped || this.timer !== undefined || this.feeds.size === 0) return;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.refresh([...this.feeds.keys()]);
        this.schedule();
      },
      this.hints.reachOthers ? POLL_MS.hinted : POLL_MS.alone,
    );
  }

  private refresh(ids: readonly string[]): void {
    for (const id of ids) if (!this.owned.has(id)) this.dirty.add(id);
    if (this.dirty.size > 0 && !this.stopped) this.reading ??= this.readDirty();
  }

  private async readDirty(): Promise<void> {
    while (this.dirty.size > 0 && !this.stopped) {
      const known = new Map([...this.dirty].flatMap((id) => this.knownOf(id)));
      this.dirty.clear();
      try {
        this.spread(await readNews(this.db, known));
      } catch (cause) {
        this.log.debug('Followed tasks could not be read', { cause }); // the next poll does
      }
    }
    this.reading = undefined;
  }

  private knownOf(id: string): [string, number][] {
    const feed = this.of(id);
    return feed === undefined ? [] : [[id, feed.end]];
  }

  private spread(news: readonly News[]): void {
    for (const id of new Set(news.map(({ task_id }) => task_id))) {
      const rows = news.filter(({ task_id }) => task_id === id);
      const feed = this.of(id);
      const last = rows.at(-1);
      if (feed === undefined || last === undefined) continue;
      feed.add(
        rows.map((row) => toldEvent(row, feed.row)),
        last.resting && last.seq === last.last_seq,
      );
      if (rows.length === EVENT_PAGE) this.dirty.add(id);
    }
  }
}
