import type { FreshTask, StepEvent, StoredEvent } from '@app/tasks';
import type { Frame, Undo } from './frame.js';
import type { Ending } from './run-rows.entity.js';
import type { Ended } from './plan.js';
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
  readonly ended: Ended[] = [];
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
  /** How the run stood before the task that failed last: another run may go on from there. */
  private beforeFailure: { readonly frames: readonly Frame[]; readonly dropped: readonly string[] } | undefined;
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

  /** Takes back what it was about to make. @returns whether it was; undefined: it was made before */
  takeBack(handle: string): { readonly call?: FreshTask } | undefined {
    const [call] = taken(this.calls, ({ id }) => id === handle);
    const [run] = taken(this.runs, ({ task }) => task.id === handle);
    const [wait] = taken(this.waits, ({ id }) => id === handle);
    return call !== undefined || run !== undefined || wait !== undefined ? { call } : undefined;
  }

  /** A task failed, and nothing in its thread caught it. @param frame as it was before that task */
  failed(frame: Frame): void {
    const frames = new Map(this.frames).set(frame.id, frame);
    this.beforeFailure = { frames: [...frames.values()], dropped: [...this.dropped] };
  }

  change(): StateChange {
    const { waits, closed, emitted: events, context, undo, ending, undone, consumed, result } = this;
    // Where a run stood before what failed is kept: somebody may let another go on from there.
    const ends = result === undefined ? 'no' : 'problem' in result && ending === null ? 'keeps' : 'drops';
    const now = { frames: [...this.frames.values()], dropped: [...this.dropped] };
    const kept = ends === 'no' ? now : ends === 'keeps' ? this.beforeFailure : undefined;
    const { frames, dropped } = kept ?? { frames: [], dropped: [] };
    return { frames, dropped, waits, closed, events, context, undo, ending, undone, consumed, ends };
  }
}

function taken<T>(list: T[], isIt: (one: T) => boolean): T[] {
  const at = list.findIndex(isIt);
  return at < 0 ? [] : list.splice(at, 1);
}
