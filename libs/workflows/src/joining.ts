import type { Draft, Result } from './draft.js';
import { type Frame, ROOT, type Undo } from './frame.js';
import { outcomeOfFork } from './forking.js';
import { HandOut } from './hand-out.js';
import { UNDO, undoFrame } from './undoing.js';
import { outputOf } from './lifecycle.js';
import { problemIn } from './problems.js';
import type { RunTools } from './run-tools.js';
import type { RunHere } from './run-here.js';
import { stepEvent } from './step-events.js';
import { nameIn } from './scope.js';

/** What follows from the end of a thread. */
export class Joining {
  constructor(
    private readonly segment: RunHere,
    private readonly draft: Draft,
    private readonly tools: RunTools,
  ) {}

  async ended(frame: Frame, end: NonNullable<Frame['end']>): Promise<void> {
    if (frame.id === UNDO) return this.undone(frame, end);
    if (frame.id === ROOT) return this.end('problem' in end ? end : await this.resultOf(frame));
    const parent = this.frame(frame.parent ?? ROOT);
    if (parent?.leaf?.effect.kind !== 'fork') return;
    const outcome = outcomeOfFork(parent.leaf.effect, (id) => this.frame(id)?.end);
    if (outcome !== undefined) await this.segment.take(this.draft, parent.id, outcome);
  }

  /** The run is over, but for what is to be undone. */
  async end(result: Result): Promise<void> {
    const { draft } = this;
    this.stopAll();
    if ('output' in result || draft.undo.length === 0) {
      draft.result = result;
      return;
    }
    draft.ending = result;
    draft.undone = true;
    for (const id of [...this.segment.all.keys(), ...draft.frames.keys()]) draft.drop(id);
    await this.beginUndo(draft.undo, { count: 0, forks: 0 });
  }

  /** What the workflow gives back, by its `output`. */
  async resultOf({ end, data }: Frame): Promise<Result> {
    const raw = end !== undefined && 'output' in end ? end.output : data;
    const world = this.segment.world(this.draft);
    try {
      return { output: await outputOf(world, raw) };
    } catch (error) {
      const problem = problemIn(error);
      if (problem === undefined) throw error;
      return { problem: { ...problem, instance: problem.instance ?? '/output' } };
    }
  }

  /** The last task done is the first undone. A compensation that fails does not keep the others from being tried. */
  private async undone(frame: Frame, end: NonNullable<Frame['end']>): Promise<void> {
    const { draft } = this;
    const last = draft.undo.at(-1);
    if (last !== undefined)
      draft.note(
        stepEvent(
          'problem' in end ? 'compensation.faulted' : 'compensation.completed',
          UNDO,
          last,
          'problem' in end ? { error: end.problem } : undefined,
        ),
      );
    draft.undo = draft.undo.slice(0, -1);
    if (draft.undo.length > 0) return this.beginUndo(draft.undo, frame);
    draft.drop(UNDO);
    draft.result = draft.ending ?? { canceled: true };
  }

  /** @param before counts go on, so that what is done is named unlike anything before */
  private async beginUndo(undo: readonly Undo[], before: Pick<Frame, 'count' | 'forks'>): Promise<void> {
    const last = undo.at(-1);
    if (last === undefined) return;
    this.draft.note(stepEvent('compensation.started', UNDO, last, { name: nameIn(last.task) }));
    this.draft.keep(undoFrame(last, before, new Date().toISOString()));
    await this.segment.take(this.draft, UNDO, { kind: 'begin' });
  }

  private stopAll(): void {
    const handOut = new HandOut(this.segment, this.draft, this.tools);
    // Those of branches before those that they are branches of.
    const ids = new Set([...this.segment.all.keys(), ...this.draft.frames.keys()]);
    for (const id of [...ids].toSorted((a, b) => b.length - a.length)) {
      const frame = this.frame(id);
      if (frame !== undefined) handOut.cutOff(frame);
      if (frame?.leaf !== undefined && frame.leaf.effect.kind !== 'fork') handOut.abandon(frame, frame.leaf);
    }
  }

  private frame(id: string): Frame | undefined {
    return this.draft.frames.get(id) ?? (this.draft.dropped.has(id) ? undefined : this.segment.all.get(id));
  }
}
