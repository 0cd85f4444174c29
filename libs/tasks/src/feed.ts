import { isFinal } from '@app/a2a';
import type { TaskRow } from './task-row.js';
import type { TaskEvent, TaskView } from './task-event.js';

/** Events a feed holds for its followers; whoever is further behind reads rows. */
const WINDOW = 1_000;

/** How a task is followed. */
export interface Following {
  /** Number of the last event that is known already. */
  readonly from?: number;
  /** Ends the following, never the task. */
  readonly signal: AbortSignal;
  /** `final`: goes on when a task that waits is answered, and ends only with the task. */
  readonly through?: 'turn' | 'final';
}

/** How a feed reads what it does not hold. */
export interface FeedSource {
  /** Some events between two numbers, both excluded, in order. */
  page(row: TaskRow, after: number, before: number): Promise<TaskEvent[]>;
  /** The task as it is now. */
  view(row: TaskRow): Promise<{ task: TaskView; resting: boolean }>;
}

/** The newest events of one task in this process, shared by all who follow it here. */
export class Feed {
  /** Of the last event that is committed. */
  end: number;
  private events: TaskEvent[] = [];
  /** Nothing more comes by itself. */
  resting: boolean;
  private result: TaskView | undefined;
  private readonly wakes = new Set<() => void>();

  constructor(
    readonly row: TaskRow,
    private readonly source: FeedSource,
  ) {
    this.end = row.last_seq;
    this.resting = row.rested_at !== null;
  }

  /** Events that follow on the last; `resting`: and then the turn was over, with this result if it is known. */
  add(events: readonly TaskEvent[], resting: boolean, result?: TaskView): void {
    const fresh = events.filter(({ seq }) => seq > this.end);
    if (fresh.length === 0 && resting === this.resting) return;
    for (const event of fresh) {
      if (event.seq !== this.end + 1) this.events = [];
      this.events.push(event);
      this.end = event.seq;
    }
    if (this.events.length > 2 * WINDOW) this.events = this.events.slice(-WINDOW);
    this.resting = resting;
    this.result = result;
    for (const wake of this.wakes) wake();
  }

  /** A newer look at the task; nobody tells that a task at rest goes on. @returns whether there is more than is held */
  seen(row: TaskRow): boolean {
    if (row.last_seq > this.end || (row.last_seq === this.end && row.rested_at === null)) {
      this.resting = false;
      this.result = undefined;
    }
    return row.last_seq > this.end;
  }

  /** Events after `from`, up to the result of the turn, or of the task. Who knows all of a task that waits, waits, too. */
  async *read({ from = 0, signal, through = 'turn' }: Following): AsyncGenerator<TaskEvent, void, undefined> {
    let cursor = Math.min(from, this.end);
    while (!signal.aborted) {
      if (cursor === this.end) {
        const ending = this.resting ? await this.ending() : undefined;
        const isEnd = ending !== undefined && (isFinal(ending.task.state) || (through === 'turn' && ending.seq > from));
        if (isEnd) return yield ending;
        if (cursor === this.end && (ending !== undefined || !this.resting)) await this.change(signal);
        continue;
      }
      const held = this.events[cursor - this.end + this.events.length];
      const events = held === undefined ? await this.source.page(this.row, cursor, this.first) : [held];
      if (events.length === 0) {
        // Gone, since the task is long over: all at once, with true numbers.
        const ending = await this.ending();
        if (ending === undefined) continue;
        yield { ...ending, kind: 'snapshot', seq: ending.seq - 1 };
        return yield ending;
      }
      for (const event of events) {
        cursor = event.seq;
        // Before the end it only marks that the task went on.
        if (event.kind !== 'result' && event.seq > from) yield event;
      }
    }
  }

  private get first(): number {
    return this.end - this.events.length + 1;
  }

  /** Undefined: the task went on meanwhile. */
  private async ending(): Promise<(TaskEvent & { kind: 'result' }) | undefined> {
    const seq = this.end;
    if (this.result === undefined) {
      const { task, resting } = await this.source.view(this.row);
      if (seq !== this.end) return undefined;
      if (!resting || task.lastSeq !== seq) {
        this.resting = false;
        return undefined;
      }
      this.result = task;
    }
    const task = this.result;
    return { taskId: task.taskId, seq, at: task.updatedAt, kind: 'result', task };
  }

  private async change(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.wakes.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.wakes.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
