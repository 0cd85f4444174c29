import type { StepEvent } from '@app/tasks';
import { type Activation, ROOT, type Undo } from './frame.js';
import type { Ended } from './plan.js';
import { stepEvent } from './step-events.js';

/** What happened on the way of one frame. */
export class WalkRecord {
  readonly events: StepEvent[] = [];
  readonly ended: Ended[] = [];
  readonly undo: Undo[] = [];

  constructor(private readonly frame: string) {}

  note(what: string, at: Activation, detail?: Record<string, unknown>): void {
    this.events.push(stepEvent(what, this.frame, at, detail));
    if (isEnd(what)) this.ended.push({ task: at.task, startedAt: at.startedAt, status: what });
  }

  /** A run that begins anew at a task of the workflow's own list has to know what that was given. */
  started(at: Activation, context: unknown): void {
    const isOwn = this.frame === ROOT && /^\/do\/\d+\/[^/]+$/.test(at.task);
    this.note('started', at, isOwn ? { raw: at.raw, context } : undefined);
  }

  /** @param undone whether it is undone when its run faults or is cancelled */
  completed(at: Activation, output: unknown, undone: boolean): void {
    this.note('completed', at, { output });
    if (undone) this.undo.push({ task: at.task, key: at.key, output });
  }
}

const isEnd = (what: string): what is Ended['status'] => ['completed', 'faulted', 'cancelled'].includes(what);
