import type { FreshTask, StepEvent, StoredEvent } from '@app/tasks';
import type { Frame, Undo } from './frame.js';
import type { Ending } from './run-rows.entity.js';
import type { NewRun } from './run-starter.js';
import type { NewWait, RunState, StateChange } from './sql-state.js';

/** How a run ends. */
export type Result = { readonly output: unknown } | Ending;

/** What is about to be written of a run, all at once. */
export class Draft {
  readonly frames = new Map<string, Frame>();
  readonly dropped = new Set<string>();
  readonly waits: NewWait[] = [];
  readonly closed: string[] = [];
  readonly emitted: StateChange['events'][number][] = [];
  readonly events: StoredEvent[] = [];
  readonly calls: FreshTask[] = [];
  readonly runs: NewRun[] = [];
  /** Steps that nobody wants any more. */
  readonly canceled: string[] = [];
  /** What begins when it is written. */
  readonly after: (() => void)[] = [];
  context: { readonly value: unknown } | undefined;
  undo: readonly Undo[];
  ending: Ending | null;
  consumed: readonly number[];
  undone = false;
  result: Result | undefined;

  constructor(state: Pick<RunState, 'undo' | 'ending' | 'consumed'>) {
    this.undo = state.undo;
    this.ending = state.ending;
    this.consumed = state.consumed;
  }

  note(event: StepEvent): void {
    this.events.push({ at: new Date(), kind: 'step', body: event });
  }

  keep(frame: Frame): void {
    this.dropped.delete(frame.id);
    this.frames.set(frame.id, frame);
  }

  drop(id: string): void {
    this.frames.delete(id);
    this.dropped.add(id);
  }

  /** @param keepsFrames where a run stood when it failed: somebody may let another go on from there */
  change(keepsFrames: boolean): StateChange {
    const { waits, closed, emitted: events, context, undo, ending, undone, consumed } = this;
    const frames = keepsFrames ? [] : [...this.frames.values()];
    const dropped = keepsFrames ? [] : [...this.dropped];
    return { frames, dropped, waits, closed, events, context, undo, ending, undone, consumed };
  }
}
