import { namedItem, type NamedTask, type Task, taskAt, type TaskKind, taskKindOf } from '@app/dsl';
import type { StepEvent } from '@app/tasks';
import { catching } from './catching.js';
import { effectOf } from './effects.js';
import { type Activation, type Effect, type Frame, type Level, type Problem, ROOT, type Undo } from './frame.js';
import { activate, checkedOutput, deadlineOf, filtered, isSkipped } from './lifecycle.js';
import { listAt } from './lists.js';
import { problemIn, problemOf, WorkflowError } from './problems.js';
import { type Place, scopeOf, type World } from './scope.js';
import { stepEvent } from './step-events.js';

/** Where the list stands of a task that is nothing but one. */
const INNER: Partial<Readonly<Record<TaskKind, string>>> = { do: '/do', for: '/do', try: '/try' };

/** Tasks that are done without asking the outside, before the frame is stored again. */
const MOST_AT_ONCE = 50;

/** A loop without an end must end. */
const MOST_TASKS = 10_000;

/** What became of what a frame waited for. */
export type Outcome =
  | { readonly kind: 'begin' }
  /** It goes on waiting. */
  | { readonly kind: 'waits' }
  | { readonly kind: 'output'; readonly output: unknown }
  | { readonly kind: 'problem'; readonly problem: Problem }
  /** The time of a task of its stack, or of its leaf, is over. */
  | { readonly kind: 'timeout'; readonly key: string };

/** A frame after a step, and what happened on the way. All of it is stored at once. */
export interface Plan {
  readonly frame: Frame;
  readonly events: readonly StepEvent[];
  /** `$context`, when it changed. */
  readonly context?: { readonly value: unknown };
  readonly undo: readonly Undo[];
  /** The whole run is over, gracefully: somebody said `then: end`. */
  readonly ends: boolean;
  /** Where it would go on, had the task not failed that nothing caught. */
  readonly retry?: Frame;
}

/**
 * Takes a frame as far as it goes without the outside: until it hands a task out (`leaf`), is over (`end`), or has done much
 * at once. Pure: the same frame, outcome and world give the same plan.
 * @param pauses nothing new is begun
 */
export async function advance(world: World, frame: Frame, outcome: Outcome, pauses = false): Promise<Plan> {
  const walk = new Walk(world, frame);
  await walk.take(outcome, pauses ? 0 : MOST_AT_ONCE);
  return walk.plan;
}

class Walk {
  private stack: Level[];
  private data: unknown;
  private leaf: Frame['leaf'];
  private end: Frame['end'];
  private count: number;
  private forks: number;
  private ends = false;
  private failedAt: Pick<Frame, 'stack' | 'data'> | undefined;
  private context: { value: unknown } | undefined;
  private readonly events: StepEvent[] = [];
  private readonly undo: Undo[] = [];

  constructor(
    private readonly given: World,
    private readonly frame: Frame,
  ) {
    this.stack = [...frame.stack];
    this.data = frame.data;
    this.leaf = frame.leaf;
    this.count = frame.count;
    this.forks = frame.forks;
  }

  get plan(): Plan {
    const { stack, data, leaf, end, count, forks, events, undo, context, ends } = this;
    const frame = { ...this.frame, stack, data, leaf, end, count, forks };
    const retry = end !== undefined && 'problem' in end ? { ...frame, ...this.failedAt, end: undefined } : undefined;
    return { frame, events, undo, context, ends, ...(retry && { retry }) };
  }

  async take(outcome: Outcome, most: number): Promise<void> {
    let done = 0;
    try {
      await this.resume(outcome);
    } catch (error) {
      await this.fail(error);
    }
    for (; this.leaf === undefined && this.end === undefined && done < most; done++) {
      try {
        await this.next();
      } catch (error) {
        await this.fail(error);
      }
    }
  }

  private get world(): World {
    return this.context === undefined ? this.given : { ...this.given, context: this.context.value };
  }

  private get top(): Level | undefined {
    return this.stack.at(-1);
  }

  private async resume(outcome: Outcome): Promise<void> {
    if (outcome.kind === 'begin') return this.beginWorkflow();
    if (outcome.kind === 'timeout') return this.timeOut(outcome.key);
    const { leaf } = this;
    if (leaf === undefined || outcome.kind === 'waits') return;
    this.leaf = undefined;
    if (outcome.kind === 'problem') return this.raise(outcome.problem, leaf);
    if (leaf.effect.kind === 'retry') return this.tryAgain();
    await this.finish(leaf, outcome.output);
  }

  /** `input.from` of the workflow itself. */
  private async beginWorkflow(): Promise<void> {
    const [level, ...inner] = this.stack;
    const from = this.world.definition.input?.from;
    const isFirst = this.frame.id === ROOT && this.count === 0 && inner.length === 0;
    if (level === undefined || from === undefined || !isFirst) return;
    this.data = await filtered(this.world, { stack: [] }, from, this.data);
    this.stack = [{ ...level, input: this.data }];
  }

  private async next(): Promise<void> {
    const level = this.top;
    if (level === undefined) {
      this.end = { output: this.data };
      return;
    }
    const item = this.itemOf(level);
    if (item === undefined) return this.leave();
    const place = { stack: this.stack };
    if (await isSkipped(this.world, place, item.task, this.data)) {
      this.note('skipped', { task: item.pointer, key: this.nextKey() });
      return this.jump('continue');
    }
    const activation = this.sketch(item);
    try {
      const limit = await deadlineOf(this.world, place, item.task, this.data);
      await this.begin(item, await activate(this.world, place, item.task, { ...activation, ...limit }));
    } catch (error) {
      await this.fail(error, activation);
    }
  }

  private itemOf({ list, index, only }: Level): NamedTask | undefined {
    if (only !== undefined && only !== index) return undefined;
    return namedItem(listAt(this.world.definition, list), index, list);
  }

  private sketch({ pointer }: NamedTask): Activation {
    const raw = this.data;
    return { task: pointer, key: this.nextKey(), raw, input: raw, startedAt: this.world.now().toISOString() };
  }

  private nextKey(): string {
    if (this.count >= MOST_TASKS)
      throw new WorkflowError(problemOf('runtime', `A thread of a run may begin at most ${MOST_TASKS} tasks`));
    return `${this.frame.id}#${this.count++}`;
  }

  private async begin({ task, pointer }: NamedTask, activation: Activation): Promise<void> {
    const inner = INNER[taskKindOf(task)];
    this.note('started', activation, rerunnable(activation, this.frame, this.world.context));
    if (inner !== undefined) return this.enter(task, activation, pointer + inner);
    const effect = await effectOf(this.world, { stack: this.stack, activation }, task);
    if (effect.kind === 'output') return this.finish(activation, effect.output, effect.then);
    if (effect.kind === 'fork') this.forks++;
    this.leaf = { ...activation, effect };
  }

  private async enter(task: Task, activation: Activation, list: string): Promise<void> {
    const level: Level = { ...activation, list, index: 0 };
    this.data = activation.input;
    if ('try' in task) {
      const since = activation.startedAt;
      this.stack.push({ ...level, try: { phase: 'try', attempt: 1, since } });
      return;
    }
    if (!('for' in task)) {
      this.stack.push(level);
      return;
    }
    const place = { stack: this.stack, activation };
    const items = await this.evaluate(task.for.in, place, activation.input);
    if (!Array.isArray(items))
      throw new WorkflowError(problemOf('expression', `for.in: expected an array, got ${typeof items}`));
    this.stack.push({ ...level, for: { items, at: -1 } });
    await this.iterate();
  }

  /** The next iteration of the loop on top, or its end. */
  private async iterate(): Promise<void> {
    const level = this.stack.pop();
    const task = level && taskAt(this.world.definition, level.task);
    if (level?.for === undefined || task === undefined || !('for' in task)) return;
    const at = level.for.at + 1;
    const { each = 'item', at: counter = 'index' } = task.for;
    const vars = { [each]: level.for.items[at], [counter]: at };
    const next = { ...level, index: 0, for: { ...level.for, at }, vars };
    if (at < level.for.items.length && (await this.iterates(task.while, level, next))) this.stack.push(next);
    else await this.finish(level, this.data);
  }

  private iterates(condition: string | undefined, level: Level, next: Level): Promise<boolean> {
    if (condition === undefined) return Promise.resolve(true);
    return this.holds(condition, { stack: [...this.stack, next], activation: level }, this.data);
  }

  /** The list on top is done. */
  private async leave(): Promise<void> {
    const level = this.top;
    if (level?.for !== undefined) return this.iterate();
    this.stack.pop();
    if (level === undefined) return;
    if (this.stack.length > 0) return this.finish(level, this.data);
    this.end = { output: this.data };
  }

  private async finish(activation: Activation, output: unknown, then?: string): Promise<void> {
    const task = taskAt(this.world.definition, activation.task);
    if (task === undefined) return;
    const place = { stack: this.stack, activation };
    try {
      const done = await checkedOutput(this.world, place, task, output);
      this.data = done.output;
      if (done.context !== undefined) this.context = done.context;
      this.note('completed', activation, { output: done.output });
      if (task.metadata?.compensate !== undefined)
        this.undo.push({ task: activation.task, key: activation.key, output: done.output });
    } catch (error) {
      return this.fail(error, activation);
    }
    await this.jump(then ?? task.then ?? 'continue');
  }

  private async jump(directive: string): Promise<void> {
    const level = this.stack.pop();
    if (level === undefined) return;
    if (directive === 'end') {
      this.ends = true;
      this.stack = [];
      this.end = { output: this.data };
      return;
    }
    const list = listAt(this.world.definition, level.list);
    const named = list.findIndex((item) => Object.hasOwn(item, directive));
    const index = directive === 'continue' ? level.index + 1 : directive === 'exit' ? list.length : named;
    this.stack.push({ ...level, index: index < 0 ? list.length : index });
  }

  private async timeOut(key: string): Promise<void> {
    const at = this.stack.findIndex((level) => level.key === key);
    const late = this.leaf?.key === key ? this.leaf : this.stack[at];
    if (late === undefined) return;
    if (this.leaf !== undefined && this.leaf.key !== key) this.note('cancelled', this.leaf);
    const here = { stack: [...this.stack], data: this.leaf?.raw ?? this.data };
    this.leaf = undefined;
    if (at >= 0) {
      for (const inner of this.stack.slice(at + 1).toReversed()) this.note('cancelled', inner);
      this.stack = this.stack.slice(0, at);
    }
    const what = late.task === '' ? 'The workflow' : `The task ${late.task}`;
    await this.raise(problemOf('timeout', `${what} did not end before ${late.deadline ?? 'its time-out'}`), late, here);
  }

  private async fail(error: unknown, at?: Activation): Promise<void> {
    const problem = problemIn(error);
    if (problem === undefined) throw error;
    await this.raise(problem, at ?? this.top);
  }

  /** Unwinds to the `try` that catches it. @param here where a retry would go on; the task itself when absent */
  private async raise(
    problem: Problem,
    at: Activation | undefined,
    here: Pick<Frame, 'stack' | 'data'> = this.before(at),
  ): Promise<void> {
    this.failedAt = here;
    const known = { ...problem, instance: problem.instance ?? (at?.task || '/') };
    if (at !== undefined && at.task !== '' && at !== this.top) this.note('faulted', at, { error: known });
    for (let level = this.stack.pop(); level !== undefined; level = this.stack.pop()) {
      const caught = level.try?.phase === 'try' ? await this.caughtBy(level, known) : undefined;
      if (caught !== undefined) return this.goOn(level, caught);
      if (level.task !== '') this.note('faulted', level, { error: known });
    }
    this.end = { problem: known };
  }

  private before(at: Activation | undefined): Pick<Frame, 'stack' | 'data'> {
    return { stack: [...this.stack], data: at === undefined || at === this.top ? this.data : at.raw };
  }

  private caughtBy(level: Level, problem: Problem) {
    return catching(this.world, { stack: this.stack, activation: level }, level, problem);
  }

  private async goOn(level: Level, caught: NonNullable<Awaited<ReturnType<typeof catching>>>): Promise<void> {
    const { vars } = caught;
    this.data = level.input;
    if (caught.kind === 'ignore') return this.finish(level, level.input);
    const phase = caught.kind === 'retry' ? 'pause' : 'catch';
    const attempt = level.try ?? { attempt: 1, since: level.startedAt };
    this.stack.push({ ...level, ...(vars && { vars }), index: 0, try: { ...attempt, phase } });
    if (caught.kind === 'do') {
      this.stack.push({ ...(this.stack.pop() as Level), list: `${level.task}/catch/do` });
      return;
    }
    const { task, startedAt } = level;
    const effect: Effect = { kind: 'retry', until: caught.until };
    this.note('retried', level, { attempt: attempt.attempt + 1, until: caught.until });
    this.leaf = { task, key: this.nextKey(), raw: level.raw, input: level.input, startedAt, effect };
  }

  private tryAgain(): void {
    const level = this.stack.pop();
    if (level?.try === undefined) return;
    const { attempt, since } = level.try;
    this.data = level.input;
    this.stack.push({ ...level, index: 0, vars: undefined, try: { phase: 'try', attempt: attempt + 1, since } });
  }

  private note(what: string, at: Pick<Activation, 'task' | 'key'>, detail?: Record<string, unknown>): void {
    this.events.push(stepEvent(what, this.frame.id, at, detail));
  }

  private async evaluate(expression: string, place: Place, data: unknown): Promise<unknown> {
    return this.world.expressions.evaluate(expression, await scopeOf(this.world, place, data, expression));
  }

  private async holds(expression: string, place: Place, data: unknown): Promise<boolean> {
    return this.world.expressions.holds(expression, await scopeOf(this.world, place, data, expression));
  }
}

/** What a run that begins anew at a task of the workflow's own list has to know. */
const rerunnable = ({ task, raw }: Activation, { id }: Frame, context: unknown) =>
  id === ROOT && /^\/do\/\d+\/[^/]+$/.test(task) ? { raw, context } : undefined;
