import { traceIn } from '@app/core';
import { uuidV7 } from '@app/tasks';
import type { Draft } from './draft.js';
import { isLasting } from './executions.js';
import { branchesOf } from './forking.js';
import type { Effect, Frame, Leaf } from './frame.js';
import { eventFrom } from './emitting.js';
import { filtersOf, keysOf, patternsOf } from './listening.js';
import type { Outcome } from './plan.js';
import { problemFor } from './problems.js';
import type { RunTools } from './run-tools.js';
import type { RunHere } from './run-here.js';
import { stepEvent } from './step-events.js';

/** Gives what frames ask for to those who do it, and takes it back. */
export class HandOut {
  constructor(
    private readonly segment: RunHere,
    private readonly draft: Draft,
    private readonly tools: RunTools,
  ) {}

  async handOut(frame: Frame, leaf: Leaf): Promise<void> {
    const make = MAKE[leaf.effect.kind] as (on: HandOut, frame: Frame, leaf: Leaf) => Promise<Outcome | undefined>;
    let outcome: Outcome | undefined;
    try {
      outcome = await make(this, frame, leaf);
    } catch (error) {
      outcome = { kind: 'problem', problem: problemFor(error) };
    }
    if (outcome !== undefined) await this.segment.take(this.draft, frame.id, outcome);
  }

  /** A frame no longer waits for what it waited for. */
  release(before: Frame, outcome: Outcome): void {
    const { leaf } = before;
    if (leaf === undefined) return;
    if (leaf.effect.kind === 'fork') for (const branch of leaf.effect.branches) this.stop(branch);
    else if (outcome.kind === 'timeout') this.abandon(before, leaf);
    else if (leaf.handle !== undefined && isWait(leaf.effect)) this.draft.closed.push(leaf.handle);
    if (isStep(leaf.effect) && leaf.handle !== undefined) this.closeQuestions(leaf.handle);
  }

  /** Nobody wants to know any more. */
  abandon({ id }: Frame, { effect, handle }: Leaf): void {
    const unmade = handle === undefined ? undefined : this.draft.takeBack(handle);
    if (unmade?.call !== undefined) this.tools.store.forget(unmade.call);
    if (unmade !== undefined) return;
    if (handle !== undefined && isStep(effect)) {
      this.draft.canceled.push(handle);
      this.closeQuestions(handle);
    }
    if (handle !== undefined && isWait(effect)) this.draft.closed.push(handle);
    const call = this.segment.calls.of(id);
    if (call !== undefined) this.draft.after.push(() => call.abort());
  }

  /** What a thread was at, when it is cut off. Its innermost task ends first. */
  cutOff({ id, stack, leaf, end }: Frame): void {
    if (end !== undefined) return;
    const begun = [...stack.filter(isLasting), ...(leaf === undefined || leaf.effect.kind === 'retry' ? [] : [leaf])];
    for (const one of begun.toReversed()) {
      this.draft.note(stepEvent('cancelled', id, one));
      this.draft.ended.push({ task: one.task, startedAt: one.startedAt, status: 'cancelled' });
    }
  }

  /** Ends a branch and all that it branched into. */
  private stop(id: string): void {
    const frame = this.draft.frames.get(id) ?? (this.draft.dropped.has(id) ? undefined : this.segment.all.get(id));
    if (frame === undefined) return;
    if (frame.leaf?.effect.kind === 'fork') for (const branch of frame.leaf.effect.branches) this.stop(branch);
    else if (frame.leaf !== undefined) this.abandon(frame, frame.leaf);
    this.cutOff(frame);
    this.draft.drop(id);
  }

  private closeQuestions(step: string): void {
    this.draft.closed.push(...this.segment.questionsOf(step));
  }

  /** The frame as it is stored: with the id of what was made for it. */
  private keep(frame: Frame, leaf: Leaf, handle: string): undefined {
    this.draft.keep({ ...frame, leaf: { ...leaf, handle } });
    return undefined;
  }

  async call(frame: Frame, leaf: Leaf & { effect: Effect & { kind: 'call' } }): Promise<Outcome | undefined> {
    const { effect } = leaf;
    if (effect.call !== 'agent') {
      this.draft.after.push(() => this.segment.calls.make(frame.id, leaf));
      return undefined;
    }
    const task = await this.tools.callers.callOf(this.segment.run, this.segment.row, effect);
    this.draft.calls.push(task);
    return this.keep(frame, leaf, task.id);
  }

  async run(frame: Frame, leaf: Leaf & { effect: Effect & { kind: 'run' } }): Promise<Outcome | undefined> {
    const { namespace, name, version, input, awaits } = leaf.effect;
    const caller = await this.tools.callers.callerOf(this.segment.run);
    const workflow = await this.tools.directory.toRun(caller, name, version, input, namespace);
    const { id, session_id: session, trace, trace_state } = this.segment.row;
    const options = {
      parent: awaits ? id : undefined,
      session: session ?? undefined,
      trace: traceIn(trace, trace_state),
    };
    const run = this.tools.starter.make(caller, workflow, input, { ...options, here: false });
    this.draft.runs.push(run);
    if (!awaits) return { kind: 'output', output: leaf.input };
    return this.keep(frame, leaf, run.task.id);
  }

  human(frame: Frame, leaf: Leaf & { effect: Effect & { kind: 'human' } }): Promise<undefined> {
    const { prompt, schema, assignees } = leaf.effect.with;
    const id = uuidV7();
    const body = { task: leaf.task, prompt: String(prompt), ...(schema !== undefined && { schema }) };
    const expires_at = leaf.effect.until;
    this.draft.waits.push({ id, frame: frame.id, kind: 'human', body, assignees: assigneesOf(assignees), expires_at });
    this.draft.after.push(() => this.segment.wake());
    return Promise.resolve(this.keep(frame, leaf, id));
  }

  listen(frame: Frame, leaf: Leaf & { effect: Effect & { kind: 'listen' } }): Promise<undefined> {
    const id = uuidV7();
    const body = { task: leaf.task };
    const filters = filtersOf(leaf.effect.to);
    const [patterns, keys] = [patternsOf(filters), keysOf(filters)];
    this.draft.waits.push({ id, frame: frame.id, kind: 'event', body, patterns, keys });
    // What came since the run began counts.
    this.draft.after.push(() => this.segment.wake());
    return Promise.resolve(this.keep(frame, leaf, id));
  }

  emit(leaf: Leaf & { effect: Effect & { kind: 'emit' } }): Promise<Outcome> {
    const { row, run } = this.segment;
    const stored = eventFrom(leaf.effect.event, { id: `${row.id}${leaf.key}`, workflow: run.name });
    this.draft.emitted.push({ ...stored, by: row.principal });
    this.draft.after.push(() => this.tools.events.nudge());
    return Promise.resolve({ kind: 'output', output: stored.event });
  }

  async fork(frame: Frame, leaf: Leaf & { effect: Effect & { kind: 'fork' } }): Promise<undefined> {
    for (const branch of branchesOf(frame, leaf)) this.draft.keep(branch);
    for (const id of leaf.effect.branches) await this.segment.take(this.draft, id, { kind: 'begin' });
    return undefined;
  }
}

const MAKE = {
  call: (on: HandOut, frame: Frame, leaf: never) => on.call(frame, leaf),
  run: (on: HandOut, frame: Frame, leaf: never) => on.run(frame, leaf),
  human: (on: HandOut, frame: Frame, leaf: never) => on.human(frame, leaf),
  listen: (on: HandOut, frame: Frame, leaf: never) => on.listen(frame, leaf),
  emit: (on: HandOut, _frame: Frame, leaf: never) => on.emit(leaf),
  fork: (on: HandOut, frame: Frame, leaf: never) => on.fork(frame, leaf),
  wait: () => Promise.resolve(undefined),
  retry: () => Promise.resolve(undefined),
};

/** Something else works on it: a task of its own. */
export const isStep = ({ kind, ...effect }: Effect): boolean =>
  kind === 'run' || (kind === 'call' && 'call' in effect && effect.call === 'agent');
const isWait = ({ kind }: Effect): boolean => kind === 'human' || kind === 'listen';

function assigneesOf(given: unknown): string[] | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const { principals = [], roles = [], groups = [] } = given as Record<string, string[]>;
  return [
    ...principals.map((one) => `principal:${one}`),
    ...roles.map((one) => `role:${one}`),
    ...groups.map((one) => `group:${one}`),
  ];
}
