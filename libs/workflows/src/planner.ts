import { type NamedTask, type Task, taskAt } from '@app/dsl';
import { afterCatch, catching } from './catching.js';
import { tooLate } from './deadlines.js';
import { effectOf } from './effects.js';
import { isLasting } from './executions.js';
import { argumentsOf, functionOf, listOfFunction } from './functions.js';
import { type Activation, type Frame, type Level, type Problem, ROOT } from './frame.js';
import { activate, checkedOutput, deadlineOf, inputOf, isSkipped } from './lifecycle.js';
import { innerList, levelOf, begunAnew } from './levels.js';
import { indexAfter, itemAt } from './lists.js';
import { nextIteration } from './loops.js';
import type { Outcome, Plan } from './plan.js';
import { problemIn, problemOf, WorkflowError } from './problems.js';
import type { World } from './scope.js';
import { WalkRecord } from './walk-record.js';

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
  private readonly record: WalkRecord;

  constructor(
    private readonly given: World,
    private readonly frame: Frame,
  ) {
    this.stack = [...frame.stack];
    this.data = frame.data;
    this.leaf = frame.leaf;
    this.count = frame.count;
    this.forks = frame.forks;
    this.record = new WalkRecord(frame.id);
  }

  get plan(): Plan {
    const { stack, data, leaf, end, count, forks, context, ends } = this;
    const { events, ended, undo } = this.record;
    const frame = { ...this.frame, stack, data, leaf, end, count, forks };
    const retry = end !== undefined && 'problem' in end ? { ...frame, ...this.failedAt, end: undefined } : undefined;
    return { frame, events, ended, undo, context, ends, ...(retry && { retry }) };
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

  /** Of the raw input, however often it is told to begin: it may be paused before its first task. */
  private async beginWorkflow(): Promise<void> {
    const [level, ...inner] = this.stack;
    const isFirst = this.frame.id === ROOT && this.count === 0 && inner.length === 0;
    if (level === undefined || !isFirst) return;
    this.data = await inputOf(this.world, level.raw);
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
    const started = () => this.record.started(activation, this.world.context);
    let skips: boolean;
    try {
      skips = await isSkipped(this.world, place, item.task, this.data);
    } catch (error) {
      started();
      return this.fail(error, activation);
    }
    if (skips) {
      this.record.note('skipped', activation);
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
    const inner = innerList(pointer, task);
    if (inner !== undefined) return this.enter(inner, task, activation);
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

  private async enter(list: string, task: Task, activation: Activation): Promise<void> {
    const level = await levelOf(this.world, this.stack, task, { ...activation, list, index: 0 });
    this.data = activation.input;
    this.stack.push(level);
    if (level.for !== undefined) await this.iterate();
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
      this.record.completed(activation, done.output, task.metadata?.compensate !== undefined);
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
        this.record.note('completed', outer, { output: this.data });
      this.stack = [];
      this.end = { output: this.data };
      return;
    }
    this.stack.push({ ...level, index: indexAfter(this.world.definition, level, directive) });
  }

  private async timeOut({ key, attempt }: Outcome & { kind: 'timeout' }): Promise<void> {
    const at = this.stack.findIndex((level) => level.key === key);
    const late = this.leaf?.key === key ? this.leaf : this.stack[at];
    if (late === undefined) return;
    if (this.leaf !== undefined && this.leaf.key !== key && this.leaf.effect.kind !== 'retry')
      this.record.note('cancelled', this.leaf);
    const here = { stack: [...this.stack], data: this.leaf?.raw ?? this.data };
    this.leaf = undefined;
    if (at >= 0) {
      for (const inner of this.stack.slice(at + 1).toReversed()) this.record.note('cancelled', inner);
      this.stack = this.stack.slice(0, attempt ? at + 1 : at);
    }
    await this.raise(tooLate(late, attempt ? this.top?.try : undefined), late, here);
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
    if (at !== undefined && at.task !== '' && at.key !== this.top?.key)
      this.record.note('faulted', at, { error: known });
    for (let level = this.stack.pop(); level !== undefined; level = this.stack.pop()) {
      try {
        const mayCatch = level.try?.phase === 'try' && !this.exhausted;
        const place = { stack: this.stack, activation: level };
        const caught = mayCatch ? await catching(this.world, place, level, known) : undefined;
        if (caught !== undefined) return await this.goOn(level, caught);
      } catch (error) {
        // A catch that cannot be evaluated catches nothing, and is an error of its own.
        const other = problemIn(error);
        if (other === undefined) throw error;
        known = { ...other, instance: other.instance ?? level.task };
      }
      if (isLasting(level)) this.record.note('faulted', level, { error: known });
    }
    this.end = { problem: known };
  }

  private before(at: Activation | undefined): Pick<Frame, 'stack' | 'data'> {
    return { stack: [...this.stack], data: at === undefined || at === this.top ? this.data : at.raw };
  }

  private async goOn(level: Level, caught: NonNullable<Awaited<ReturnType<typeof catching>>>): Promise<void> {
    this.data = level.input;
    if (caught.kind === 'ignore') return this.finish(level, level.input);
    const next = afterCatch(level, caught);
    this.stack.push(next.level);
    this.leaf = next.leaf;
    if (caught.kind === 'retry') this.record.note('retried', level, { attempt: next.attempt + 1, until: caught.until });
  }

  private async tryAgain(): Promise<void> {
    const level = this.stack.pop();
    if (level?.try === undefined) return;
    this.data = level.input;
    this.stack.push(await begunAnew(this.world, this.stack, level));
  }
}
