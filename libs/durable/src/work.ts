import { Hints } from '@app/cache';
import { Log, Metrics } from '@app/telemetry';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Executor } from './executor.js';
import { release, tick } from './sql.js';

const TICK_MS = 1_000;
/** Rows one claim brings at most; a full one is followed by another. */
const LARGEST_CLAIM = 100;
const TOPIC = 'due';
/** A statement that gave it to us may still be on its way back; after this it never arrives. */
const STRAY_AFTER_MS = 5_000;

/** Whoever works on tasks. */
export interface Worker<Row> {
  /** How many more tasks it takes now, of each kind that it knows. */
  room(): Readonly<Record<string, number>>;
  /** Agents it takes no more tasks for at the moment. */
  busy(): readonly string[];
  /** What it works on. */
  working(): readonly string[];
  claimed(row: Row): void;
  /** A task it works on was canceled. */
  canceled(id: string): void;
  /** Something happened to a task it works on. */
  woken(id: string): void;
}

/** Finds work: once a second, and sooner when somebody says that there is some. */
@Injectable()
export class Work implements OnModuleDestroy {
  private readonly log = new Log('Work');
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private again = false;
  private stopped = false;
  private look: () => Promise<boolean> = () => Promise.resolve(false);
  /** Tasks that are ours, though nobody works on them, and since when. */
  private strays = new Map<string, number>();
  private readonly unsubscribe: () => void;

  constructor(
    private readonly db: DataSource,
    private readonly executor: Executor,
    private readonly hints: Hints,
    private readonly metrics: Metrics,
  ) {
    this.unsubscribe = hints.subscribe(TOPIC, () => this.wake());
  }

  /** Begins to look for tasks for this worker, there is one. */
  begin<Row extends { readonly kind: string }>(worker: Worker<Row>): void {
    this.look = () => this.tick(worker);
    this.schedule();
  }

  /** No task is claimed from now on. */
  async end(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  async onModuleDestroy(): Promise<void> {
    this.unsubscribe();
    await this.end();
  }

  /** There may be work, or room for it. */
  wake(): void {
    if (this.stopped) return;
    this.again = true;
    clearTimeout(this.timer);
    this.running ??= this.run();
  }

  /** Gives tasks away and tells the others. @param begun false: as if they had not been claimed */
  async release(executor: string, ids: readonly string[], begun = true): Promise<void> {
    if (ids.length === 0) return;
    await release(this.db, executor, ids, begun);
    this.hints.publish(TOPIC, {});
  }

  private schedule(): void {
    if (!this.stopped) this.timer = setTimeout(() => this.wake(), TICK_MS);
  }

  private async run(): Promise<void> {
    while (this.again && !this.stopped) {
      this.again = false;
      try {
        if (await this.look()) this.again = true;
      } catch (cause) {
        this.log.debug('No work could be looked for', { cause });
        this.again = false;
      }
    }
    this.running = undefined;
    this.schedule();
  }

  /** @returns whether there is certainly more */
  private async tick<Row extends { readonly kind: string }>(worker: Worker<Row>): Promise<boolean> {
    if (!this.executor.isFresh()) return false;
    const room = Object.fromEntries(
      Object.entries(worker.room()).map(([kind, places]) => [kind, Math.min(places, LARGEST_CLAIM)]),
    );
    const executor = this.executor.id;
    const options = {
      executor,
      judges: this.executor.mayJudge(),
      room,
      busy: worker.busy(),
      working: worker.working(),
    };
    const { released, canceled, strays, stirred, claimed, waiting, executors } = await tick<Row>(this.db, options);
    this.metrics.queueSize.set(waiting);
    this.metrics.executors.set(executors);
    for (const id of canceled) worker.canceled(id);
    for (const row of claimed) worker.claimed(row);
    for (const id of stirred) worker.woken(id);
    await this.releaseStrays(executor, strays);
    if (released > 0) {
      this.log.warn('Tasks of a dead process were released', { tasks: released });
      this.hints.publish(TOPIC, {});
    }
    const isFull = Object.entries(room).some(
      ([kind, places]) => places > 0 && claimed.filter((row) => row.kind === kind).length === places,
    );
    return released > 0 || isFull;
  }

  /** The database took them for us and could not tell, or they could not be begun: they are taken up anew. */
  private async releaseStrays(executor: string, ids: readonly string[]): Promise<void> {
    const now = performance.now();
    this.strays = new Map(ids.map((id) => [id, this.strays.get(id) ?? now]));
    const lasting = ids.filter((id) => now - (this.strays.get(id) ?? now) >= STRAY_AFTER_MS);
    if (lasting.length === 0) return;
    this.log.warn('Tasks that nobody worked on were released', { tasks: lasting.length });
    await this.release(executor, lasting);
  }
}
