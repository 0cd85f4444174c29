import { setTimeout as sleep } from 'node:timers/promises';
import { Audit } from '@app/audit';
import { isDatabaseAway } from '@app/database';
import { Log } from '@app/telemetry';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Feeds } from './feeds.js';
import { afterUnknown, flush, type Flushed, type FlushItem } from './sql-flush.js';

const FLUSH_MS = 25;
/** So much waiting text is not kept waiting. */
const FLUSH_LENGTH = 64 * 1024;
/** So much goes into one statement, about. */
const LARGEST_FLUSH_LENGTH = 8 * 1024 * 1024;
const RETRY_MS = 200;
/** PostgreSQL gave up one of two that waited for each other, or took too long: the same again may succeed. */
const PASSING = new Set(['40P01', '40001', '57014']);

/** Whoever has something to write. */
export interface Writing {
  /** About how much waits, in characters. */
  readonly waiting: number;
  /** What is to be written now; undefined when there is nothing. */
  take(): FlushItem | undefined;
  /** Committed; undefined: the task is lost, nothing was written. */
  written(item: FlushItem, row: Flushed | undefined): void;
  /** It cannot be written, whoever tries. */
  unwritable(error: unknown): void;
}

/** The one writer of this process: what happens to all its tasks goes into one statement every 25 ms, or at once. */
@Injectable()
export class TaskWriter {
  private readonly log = new Log('TaskWriter');
  private readonly waiting = new Set<Writing>();
  private timer: NodeJS.Timeout | undefined;
  private urgent = false;
  private writing = false;
  private closed = false;

  constructor(
    private readonly db: DataSource,
    private readonly feeds: Feeds,
    private readonly audit: Audit,
  ) {}

  /** @param urgent somebody waits for this */
  note(one: Writing, urgent: boolean): void {
    this.waiting.add(one);
    if (urgent || one.waiting >= FLUSH_LENGTH) this.urgent = true;
    this.schedule();
  }

  /** What could not be written until now is given up: others take it over. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.writing || this.closed || this.waiting.size === 0) return;
    if (this.urgent) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.writing = true;
      setImmediate(() => void this.flush()); // with whatever else this turn of the event loop brings
    } else this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS);
  }

  private async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.urgent = false;
    this.writing = true;
    await this.write(this.batch());
    this.writing = false;
    this.schedule();
  }

  private batch(): [Writing, FlushItem][] {
    const batch: [Writing, FlushItem][] = [];
    let length = 0;
    for (const one of this.waiting) {
      if (length >= LARGEST_FLUSH_LENGTH) {
        this.urgent = true;
        break;
      }
      length += one.waiting;
      this.waiting.delete(one);
      const item = one.take();
      if (item !== undefined) batch.push([one, item]);
    }
    return batch;
  }

  private async write(batch: [Writing, FlushItem][]): Promise<void> {
    if (batch.length === 0) return;
    try {
      const rows = await this.stored(batch.map(([, item]) => item));
      for (const [one, item] of batch) this.tell(one, item, rows.get(item.id));
      if (batch.some(([, { audit }]) => audit !== null)) this.audit.nudge();
      this.feeds.announce([...rows.values()].map(({ id, last_seq }) => [id, last_seq] as const));
    } catch (error) {
      const [first] = batch;
      if (first === undefined || this.closed) return;
      // One of them cannot be stored; the others must not suffer.
      if (batch.length > 1) for (const one of batch) await this.write([one]);
      else first[0].unwritable(error);
    }
  }

  /** What goes wrong here is not the database's: it must not make the batch be written again. */
  private tell(one: Writing, item: FlushItem, row: Flushed | undefined): void {
    try {
      one.written(item, row);
    } catch (error) {
      one.unwritable(error);
    }
  }

  /** Tries for as long as the database is away: nobody else can have taken the tasks over meanwhile. */
  private async stored(items: readonly FlushItem[]): Promise<Map<string, Flushed>> {
    for (let tries = 0; ; tries++) {
      try {
        const rows = new Map((await flush(this.db, items)).map((row) => [row.id, row]));
        const missing = items.filter(({ id }) => !rows.has(id));
        if (tries > 0 && missing.length > 0) for (const row of await this.arrived(missing)) rows.set(row.id, row);
        return rows;
      } catch (cause) {
        if (this.closed || !isPassing(cause)) throw cause;
        if (tries === 0) this.log.warn('Events of tasks could not be written; trying again', { cause });
        await sleep(RETRY_MS);
      }
    }
  }

  /** Those that an earlier try wrote, though its answer got lost. */
  private async arrived(items: readonly FlushItem[]): Promise<Flushed[]> {
    const rows = new Map(
      (
        await afterUnknown(
          this.db,
          items.map(({ id }) => id),
        )
      ).map((row) => [row.id, row]),
    );
    return items.flatMap(({ id, epoch, base, events }) => {
      const row = rows.get(id);
      return row !== undefined && row.epoch === epoch && row.last_seq === base + events.length ? [row] : [];
    });
  }
}

function isPassing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return isDatabaseAway(error) || PASSING.has(code);
}
