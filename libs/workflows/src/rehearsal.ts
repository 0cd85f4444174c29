import { DomainError } from '@app/core';
import type { Definition } from '@app/dsl';
import { demandFit } from './approvals.service.js';
import { dueAt, dueOutcomes } from './deadlines.js';
import type { Answer, Trace, TraceStep } from './dry-runs.schemas.js';
import { eventFrom } from './emitting.js';
import type { Effect, Frame, Leaf, Problem, Undo } from './frame.js';
import { branchesOf, outcomeOfEnds } from './forking.js';
import { outputOf } from './lifecycle.js';
import type { Outcome, Plan } from './plan.js';
import { advance } from './planner.js';
import { problemIn, problemOf } from './problems.js';
import { firstFrame } from './run-starter.js';
import type { Evaluator, World } from './scope.js';
import { UNDO, undoFrame } from './undoing.js';

/** A dry run ends when it has begun so many tasks, or has taken so long, or its trace is so long. */
export const REHEARSAL = { tasks: 500, ms: 10_000, traceCharacters: 1_000_000 } as const;

/** How a thread ended, or why it does not go on. */
type End =
  | { readonly kind: 'output'; readonly output: unknown; readonly endsAll: boolean }
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'unanswered'; readonly leaf: Leaf }
  | { readonly kind: 'bounded'; readonly because: string };
type Next = { readonly outcome: Outcome } | { readonly end: End };

export interface Play {
  readonly definition: Definition;
  readonly input: unknown;
  readonly answers: Readonly<Record<string, Answer | readonly Answer[]>>;
}

/** A run without the outside: what it would ask is answered as given, and time passes at once. Nothing is stored or sent. */
export class Rehearsal {
  private readonly steps: TraceStep[] = [];
  private readonly began = Date.now();
  private readonly asked = new Map<string, number>();
  private clock = this.began;
  private context: unknown = null;
  private undo: Undo[] = [];
  private begun = 0;
  private told = 0;
  private undone = { count: 0, forks: 0 };

  constructor(
    private readonly play: Play,
    private readonly expressions: Evaluator,
    private readonly runtime: World['runtime'],
  ) {}

  async trace(): Promise<Trace> {
    const { definition, input } = this.play;
    const end = await this.outcomeOfRun(await this.thread(firstFrame(definition, input)));
    const undone = end.kind === 'problem' ? await this.compensate() : undefined;
    return { steps: this.steps, ...told(undone ?? end) };
  }

  private get world(): World {
    const { definition, input } = this.play;
    const hidden = Object.fromEntries((definition.use?.secrets ?? []).map((name) => [name, `<secret ${name}>`]));
    return {
      definition,
      expressions: this.expressions,
      run: { id: '00000000-0000-0000-0000-000000000000', input, startedAt: new Date(this.began).toISOString() },
      runtime: this.runtime,
      context: this.context,
      now: () => new Date(this.clock),
      random: () => 0,
      secrets: () => Promise.resolve(hidden),
    };
  }

  private async outcomeOfRun(end: End): Promise<End> {
    if (end.kind !== 'output') return end;
    try {
      return { ...end, output: await outputOf(this.world, end.output) };
    } catch (error) {
      const problem = problemIn(error);
      if (problem === undefined) throw error;
      return { kind: 'problem', problem: { ...problem, instance: problem.instance ?? '/output' } };
    }
  }

  /** @returns why it stopped in the middle, if it did */
  private async compensate(): Promise<End | undefined> {
    for (const undo of this.undo.splice(0).toReversed()) {
      this.note('undoing', '', undo);
      const frame = undoFrame(undo, this.undone, new Date(this.clock).toISOString());
      const end = await this.thread(frame);
      if (end.kind === 'unanswered' || end.kind === 'bounded') return end;
    }
    return undefined;
  }

  private async thread(first: Frame): Promise<End> {
    let frame = first;
    let outcome: Outcome = { kind: 'begin' };
    for (;;) {
      const bound = this.bound();
      if (bound !== undefined) return { kind: 'bounded', because: bound };
      const plan = await advance(this.world, frame, outcome);
      this.take(plan);
      frame = plan.frame;
      const { end, leaf } = frame;
      if (end !== undefined) return 'problem' in end ? { kind: 'problem', ...end } : ended(end.output, plan.ends);
      if (leaf === undefined) outcome = { kind: 'begin' };
      else {
        const next = await this.after(frame, leaf);
        if ('end' in next) return next.end;
        ({ outcome } = next);
      }
    }
  }

  private take({ frame: { id, count, forks }, events, context, undo }: Plan): void {
    if (id === UNDO) this.undone = { count, forks };
    if (context !== undefined) this.context = context.value;
    this.undo.push(...undo);
    for (const { type, task, frame, key, detail } of events) {
      const what = type.split('.').at(-2) ?? type;
      if (what === 'started') this.begun += 1;
      this.note(what, frame, { task, key }, detail);
    }
  }

  private async after(frame: Frame, leaf: Leaf): Promise<Next> {
    const { effect } = leaf;
    if (effect.kind === 'fork') return this.fork(frame, { ...leaf, effect });
    if (effect.kind === 'wait' || effect.kind === 'retry') return { outcome: this.later(frame) };
    if (effect.kind === 'emit') return { outcome: this.emit(leaf, effect) };
    if (effect.kind === 'run' && !effect.awaits) return { outcome: { kind: 'output', output: leaf.input } };
    this.note('asked', frame.id, leaf, { ...effect });
    const answer = this.answerTo(leaf.task);
    return answer === undefined ? { end: { kind: 'unanswered', leaf } } : { outcome: outcomeOf(answer, effect) };
  }

  /** Branches start at the same moment; of those that compete, the one that waits least wins. */
  private async fork(frame: Frame, leaf: Leaf & { effect: Effect & { kind: 'fork' } }): Promise<Next> {
    const start = this.clock;
    const ends: { readonly end: End; readonly at: number }[] = [];
    for (const branch of branchesOf(frame, leaf)) {
      this.clock = start;
      const end = await this.thread(branch);
      ends.push({ end, at: this.clock });
    }
    const { competes } = leaf.effect;
    const inTime = competes ? ends.toSorted((a, b) => a.at - b.at) : ends;
    const won = competes ? inTime.find(({ end }) => end.kind === 'output') : undefined;
    this.clock = won?.at ?? Math.max(...ends.map(({ at }) => at));
    const over = inTime.map(({ end }) => end);
    const all = over.find((end) => end.kind === 'output' && end.endsAll);
    if (all !== undefined) return { end: all };
    const stuck = over.find((end) => end.kind === 'unanswered' || end.kind === 'bounded');
    if (stuck !== undefined && won === undefined) return { end: stuck };
    const known = over.map((end) => (end.kind === 'output' || end.kind === 'problem' ? end : undefined));
    const outcome = outcomeOfEnds(competes, known);
    return outcome === undefined ? { end: { kind: 'bounded', because: 'a fork has no branches' } } : { outcome };
  }

  /** Whatever is due first: the end of the wait, or a time-out around it. */
  private later(frame: Frame): Outcome {
    this.clock = Math.max(this.clock, dueAt([frame])?.getTime() ?? this.clock);
    return dueOutcomes([frame], new Date(this.clock))[0]?.outcome ?? { kind: 'waits' };
  }

  private emit(leaf: Leaf, { event }: Effect & { kind: 'emit' }): Outcome {
    try {
      const standard = { id: leaf.key, workflow: this.play.definition.document.name };
      return { kind: 'output', output: eventFrom(event, standard).event };
    } catch (error) {
      const problem = problemIn(error);
      if (problem === undefined) throw error;
      return { kind: 'problem', problem };
    }
  }

  private answerTo(task: string): Answer | undefined {
    if (!Object.hasOwn(this.play.answers, task)) return undefined;
    const given = [this.play.answers[task] ?? []].flat();
    const times = this.asked.get(task) ?? 0;
    this.asked.set(task, times + 1);
    return given[Math.min(times, given.length - 1)];
  }

  private bound(): string | undefined {
    if (this.begun >= REHEARSAL.tasks) return `A dry run begins at most ${REHEARSAL.tasks} tasks`;
    return Date.now() - this.began > REHEARSAL.ms ? `A dry run takes at most ${REHEARSAL.ms} ms` : undefined;
  }

  private note(
    what: string,
    thread: string,
    { task, key }: Pick<Leaf, 'task' | 'key'>,
    detail?: Readonly<Record<string, unknown>>,
  ): void {
    this.told += detail === undefined ? 0 : JSON.stringify(detail).length;
    const most = REHEARSAL.traceCharacters;
    const kept = this.told > most ? { omitted: `The trace has more than ${most} characters` } : detail;
    const afterMs = this.clock - this.began;
    this.steps.push({ what, task, thread, key, afterMs, ...(detail !== undefined && { detail: { ...kept } }) });
  }
}

const ended = (output: unknown, endsAll: boolean): End => ({ kind: 'output', output, endsAll });

function outcomeOf(answer: Answer, effect: Effect): Outcome {
  if ('error' in answer) return { kind: 'problem', problem: answer.error };
  try {
    if (effect.kind === 'human') demandFit(effect.with['schema'], answer.output, true);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { kind: 'problem', problem: problemOf('validation', error.message) };
  }
  return { kind: 'output', output: answer.output };
}

function told(end: End): Omit<Trace, 'steps'> {
  if (end.kind === 'output') return { ended: 'completed', output: end.output };
  if (end.kind === 'problem') return { ended: 'faulted', error: { ...end.problem } };
  if (end.kind === 'bounded') return { ended: 'bounded', because: end.because };
  const { task, effect } = end.leaf;
  return {
    ended: 'unanswered',
    asks: { task, effect: { ...effect } },
    because: `answers has nothing for ${task}`,
  };
}
