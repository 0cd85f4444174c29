import { setTimeout as sleep } from 'node:timers/promises';
import { Draft } from './draft.js';
import type { Leaf, Level } from './frame.js';
import { callersIn } from './functions.js';
import { patiently } from './patience.js';
import type { Outcome } from './plan.js';
import { problemFor, problemOf } from './problems.js';
import type { RunHere } from './run-here.js';
import type { RunTools } from './run-tools.js';

const FRESH_POLL_MS = 100;

/** A call that is under way, and not stored yet once it has ended. */
interface OpenCall extends AbortController {
  readonly key: string;
}

/** Calls of a run to the outside that this process makes itself. */
export class OpenCalls {
  private readonly open = new Map<string, OpenCall>();

  constructor(
    private readonly segment: RunHere,
    private readonly tools: RunTools,
    private readonly ended: (frame: string, key: string, outcome: Outcome) => void,
  ) {}

  get size(): number {
    return this.open.size;
  }

  of(frame: string): AbortController | undefined {
    return this.open.get(frame);
  }

  /** Calls the outside, and tells what came of it. */
  make(frame: string, leaf: Leaf): void {
    const { key, effect } = leaf;
    // It may have been taken back in the step that asked for it.
    const { leaf: wanted, stack = [] } = this.segment.all.get(frame) ?? {};
    if (effect.kind !== 'call' || wanted?.key !== key || this.segment.isLost || this.segment.isOver) return;
    const call: OpenCall = Object.assign(new AbortController(), { key });
    this.open.set(frame, call);
    const { row, run } = this.segment;
    const step = { row, run, key, signal: call.signal, world: this.segment.world(new Draft(run)) };
    patiently(
      () => this.segment.isLost,
      () => this.tools.callers.demandRun(run),
    )
      .then(() => this.becomesFresh(call.signal))
      .then(() =>
        this.tools.outcalls.call(effect, {
          ...step,
          place: { stack, activation: leaf },
          deadline: deadlineOfCall(stack, leaf),
        }),
      )
      .then((output): Outcome => ({ kind: 'output', output }))
      .catch((error: unknown): Outcome => ({ kind: 'problem', problem: problemFor(error) }))
      .then((outcome) => this.ended(frame, key, outcome))
      // What nobody wants any more was aborted.
      .catch((cause: unknown) => call.signal.aborted || this.segment.failed(cause));
  }

  /** A call that somebody else began, or that nobody did: whoever took over cannot know. */
  makeAgain(frame: string, leaf: Leaf): void {
    if (this.open.get(frame)?.key === leaf.key || leaf.effect.kind !== 'call') return;
    // Whoever takes over decides.
    if (this.segment.isLeaving) return;
    if (!leaf.effect.atMostOnce) return this.make(frame, leaf);
    const detail = `outcome unknown: the call may have been made, and is to be made at most once`;
    this.segment.tell(frame, { kind: 'problem', problem: problemOf('runtime', detail) });
  }

  /** How the run stands is stored, and with it what came of calls. */
  stored(): void {
    for (const [frame, { key }] of this.open)
      if (this.segment.all.get(frame)?.leaf?.key !== key) this.open.delete(frame);
  }

  abort(): void {
    for (const call of this.open.values()) call.abort();
  }

  /** Stood still for a while: whoever took over may be calling already. What is lost is aborted. */
  private async becomesFresh(signal: AbortSignal): Promise<void> {
    while (!this.tools.store.isFresh()) await sleep(FRESH_POLL_MS, undefined, { signal });
  }
}

/** That of the task, or of the call of the function that it is the task of. */
const deadlineOfCall = (stack: readonly Level[], { deadline }: Leaf): string | undefined =>
  [deadline, ...callersIn(stack).map((level) => level.deadline)].filter((one) => one !== undefined).toSorted()[0];
