import { type NamedTask, type Task, taskAt, type TaskKind, taskKindOf } from '@app/dsl';
import type { StepEvent } from '@app/tasks';
import { catching } from './catching.js';
import { effectOf } from './effects.js';
import { isLasting } from './executions.js';
import { argumentsOf, functionOf, listOfFunction } from './functions.js';
import { type Activation, type Effect, type Frame, type Level, type Problem, ROOT, type Undo } from './frame.js';
import { activate, checkedOutput, deadlineOf, filtered, isSkipped } from './lifecycle.js';
import { itemAt, listAt } from './lists.js';
import { loopOver, nextIteration } from './loops.js';
import type { Outcome, Plan } from './plan.js';
import { problemIn, problemOf, WorkflowError } from './problems.js';
import type { World } from './scope.js';
import { stepEvent } from './step-events.js';
import { attemptOf } from './attempts.js';

/** Where the list stands of a task that is nothing but one. */
const INNER: Partial<Readonly<Record<TaskKind, string>>> = { do: '/do', for: '/do', try: '/try' };

/** Tasks that are done without asking the outside, before the frame is stored again. */
const MOST_AT_ONCE = 50;

/** A loop without an end must end. */
const MOST_TASKS = 10_000;

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
  /** It has begun as many tasks as it may: nothing catches that. */
  private exhausted = false;
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
    if (outcome.kind === 'timeout') return this.timeOut(outcome);
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
    // Of the raw input, however often it is told to begin: it may be paused before its first task.
    this.data = await filtered(this.world, { stack: [], input: level.raw }, from, level.raw);
    this.stack = [{ ...level, input: this.data }];
  }

  private async next(): Promise<void> {
    const level = this.top;
    if (level === undefined) {
      this.end = { output: this.data };
      return;
    }
    const item = itemAt(this.world.definition, level.list, level.index);
    if (item === undefined || (level.only !== undefined && level.only !== level.index)) return this.leave();
    const activation = this.sketch(item);
    const place = { stack: this.stack, activation };
    const started = () => this.note('started', activation, rerunnable(activation, this.frame, this.world.context));
    let skips: boolean;
    try {
      skips = await isSkipped(this.world, place, item.task, this.data);
    } catch (error) {
      started();
      return this.fail(error, activation);
    }
    if (skips) {
      this.note('skipped', activation);
      return this.jump('continue');
    }
    started();
    try {
      const limit = await deadlineOf(this.world, place, item.task, this.data);
      await this.begin(item, await activate(this.world, place, item.task, { ...activation, ...limit }));
    } catch (error) {
      await this.fail(error, activation);
    }
  }

  private sketch({ pointer }: NamedTask): Activation {
    const raw = this.data;
    return { task: pointer, key: this.nextKey(), raw, input: raw, startedAt: this.world.now().toISOString() };
  }

  private nextKey(): string {
    this.exhausted = this.count >= MOST_TASKS;
    if (this.exhausted)
      throw new WorkflowError(problemOf('runtime', `A thread of a run may begin at most ${MOST_TASKS} tasks`));
    return `${this.frame.id}#${this.count++}`;
  }

  private async begin({ task, pointer }: NamedTask, activation: Activation): Promise<void> {
    const inner = INNER[taskKindOf(task)];
    if (inner !== undefined) return this.enter(task, activation, pointer + inner);
    const place = { stack: this.stack, activation };
    if (functionOf(this.world.definition, task) !== undefined && 'call' in task) {
      this.data = await argumentsOf(this.world, place, task);
      this.stack.push({ ...activation, list: listOfFunction(task.call), index: 0 });
      return;
    }
    const effect = await effectOf(this.world, place, task);
    if (effect.kind === 'output') return this.finish(activation, effect.output, effect.then);
    if (effect.kind === 'fork') this.forks++;
    this.leaf = { ...activation, effect };
  }

  private async enter(task: Task, activation: Activation, list: string): Promise<void> {
    const level: Level = { ...activation, list, index: 0 };
    const loop = 'for' in task ? await loopOver(this.world, { stack: this.stack, activation }, task) : undefined;
    const attempt = 'try' in task ? await attemptOf(this.world, this.stack, level) : undefined;
    this.data = activation.input;
    this.stack.push({ ...level, ...(loop && { for: loop }), ...(attempt && { try: attempt }) });
    if (loop !== undefined) await this.iterate();
  }

  /** The next iteration of the loop on top, or its end. */
  private async iterate(): Promise<void> {
    const level = this.stack.pop();
    if (level === undefined) return;
    let next: Level | undefined;
    try {
      next = await nextIteration(this.world, this.stack, level, this.data);
    } catch (error) {
      return this.fail(error, level);
    }
    if (next !== undefined) this.stack.push(next);
    else await this.finish(level, this.data);
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
      // What is around it is over as well.
      for (const outer of [...this.stack, level].filter(isLasting).toReversed())
        this.note('completed', outer, { output: this.data });
      this.stack = [];
      this.end = { output: this.data };
      return;
    }
    const list = listAt(this.world.definition, level.list);
    const named = list.findIndex((item) => Object.hasOwn(item, directive));
    const index = directive === 'continue' ? level.index + 1 : directive === 'exit' ? list.length : named;
    this.stack.push({ ...level, index: index < 0 ? list.length : index });
  }

  private async timeOut({ key, attempt }: Outcome & { kind: 'timeout' }): Promise<void> {
    const at = this.stack.findIndex((level) => level.key === key);
    const late = this.leaf?.key === key ? this.leaf : this.stack[at];
    if (late === undefined) return;
    if (this.leaf !== undefined && this.leaf.key !== key && this.leaf.effect.kind !== 'retry')
      this.note('cancelled', this.leaf);
    const here = { stack: [...this.stack], data: this.leaf?.raw ?? this.data };
    this.leaf = undefined;
    if (at >= 0) {
      for (const inner of this.stack.slice(at + 1).toReversed()) this.note('cancelled', inner);
      this.stack = this.stack.slice(0, attempt ? at + 1 : at);
    }
    const what = late.task === '' ? 'The workflow' : `${attempt ? 'An attempt of the' : 'The'} task ${late.task}`;
    const limit = attempt ? this.top?.try?.until : late.deadline;
    await this.raise(problemOf('timeout', `${what} did not end before ${limit ?? 'its time-out'}`), late, here);
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
    let known = { ...problem, instance: problem.instance ?? (at?.task || '/') };
    if (at !== undefined && at.task !== '' && at.key !== this.top?.key) this.note('faulted', at, { error: known });
    for (let level = this.stack.pop(); level !== undefined; level = this.stack.pop()) {
      try {
        const caught = level.try?.phase === 'try' && !this.exhausted ? await this.caughtBy(level, known) : undefined;
        if (caught !== undefined) return await this.goOn(level, caught);
      } catch (error) {
        // A catch that cannot be evaluated catches nothing, and is an error of its own.
        const other = problemIn(error);
        if (other === undefined) throw error;
        known = { ...other, instance: other.instance ?? level.task };
      }
      if (isLasting(level)) this.note('faulted', level, { error: known });
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
    const { task, startedAt, raw, input } = level;
    const effect: Effect = { kind: 'retry', until: caught.until };
    this.note('retried', level, { attempt: attempt.attempt + 1, until: caught.until });
    this.leaf = { task, key: `${level.key}~${attempt.attempt}`, raw, input, startedAt, effect };
  }

  private async tryAgain(): Promise<void> {
    const level = this.stack.pop();
    if (level?.try === undefined) return;
    this.data = level.input;
    const next = { ...level, index: 0, vars: undefined };
    this.stack.push({ ...next, try: await attemptOf(this.world, this.stack, next) });
  }

  private note(what: string, at: Pick<Activation, 'task' | 'key'>, detail?: Record<string, unknown>): void {
    this.events.push(stepEvent(what, this.frame.id, at, detail));
  }
}

/** What a run that begins anew at a task of the workflow's own list has to know. */
const rerunnable = ({ task, raw }: Activation, { id }: Frame, context: unknown) =>
  id === ROOT && /^\/do\/\d+\/[^/]+$/.test(task) ? { raw, context } : undefined;
