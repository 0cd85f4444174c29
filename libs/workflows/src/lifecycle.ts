import { DomainError } from '@app/core';
import { compileSchema, type DataFilter, type Duration, durationMs, type Task, type Timeout } from '@app/dsl';
import type { Activation } from './frame.js';
import { problemOf, WorkflowError } from './problems.js';
import { type Place, scopeOf, type World } from './scope.js';

/** DSL 1.0.3, "Data Flow": `if` sees the raw input. */
export async function isSkipped(world: World, place: Place, task: Task, raw: unknown): Promise<boolean> {
  if (task.if === undefined) return false;
  return !(await world.expressions.holds(task.if, await scopeOf(world, place, raw, task.if)));
}

/** The input of a task, checked and transformed. @throws WorkflowError validation; ExpressionError */
export async function activate(world: World, place: Place, task: Task, sketch: Activation): Promise<Activation> {
  demandValid(task.input, sketch.raw, 'input');
  const from = task.input?.from;
  if (from === undefined) return sketch;
  return { ...sketch, input: await filtered(world, { ...place, activation: sketch }, from, sketch.raw) };
}

/** What a task gives on, and `$context` when it exports. @throws WorkflowError validation; ExpressionError */
export async function checkedOutput(
  world: World,
  place: Place & { readonly activation: Activation },
  task: Pick<Task, 'output' | 'export'>,
  raw: unknown,
): Promise<{ readonly output: unknown; readonly context?: { readonly value: unknown } }> {
  const { input } = place.activation;
  const as = task.output?.as;
  const output = as === undefined ? raw : await filtered(world, { ...place, input, output: raw, raw }, as, raw);
  demandValid(task.output, output, 'output');
  if (task.export?.as === undefined) return { output };
  const value = await filtered(world, { ...place, input, output, raw }, task.export.as, output);
  demandValid(task.export, value, 'export');
  return { output, context: { value } };
}

/** What a run begins with, by the workflow's `input.from`. @throws WorkflowError, ExpressionError */
export async function inputOf(world: World, raw: unknown): Promise<unknown> {
  const from = world.definition.input?.from;
  return from === undefined ? raw : filtered(world, { stack: [], input: raw }, from, raw);
}

/** What a run gives, by the workflow's `output`. @throws WorkflowError validation; ExpressionError */
export async function outputOf(world: World, raw: unknown): Promise<unknown> {
  const { input, startedAt } = world.run;
  const activation = { task: '', key: '#', raw: input, input, startedAt };
  return (await checkedOutput(world, { stack: [], activation }, { output: world.definition.output }, raw)).output;
}

/** `from` and `as`: an expression, with or without `${ }`, or a value that holds some. */
export async function filtered(world: World, place: Place, filter: unknown, data: unknown): Promise<unknown> {
  const scope = await scopeOf(world, place, data, filter);
  return typeof filter === 'string' ? world.expressions.evaluate(filter, scope) : world.expressions.fill(filter, scope);
}

/** @throws WorkflowError validation */
export function demandValid(filter: DataFilter | undefined, value: unknown, what: string): void {
  const document = filter?.schema?.document;
  if (document === undefined) return;
  const validate = compileSchema(document);
  if (validate(value)) return;
  const [error] = validate.errors ?? [];
  const where = `${what}${error?.instancePath ?? ''}`;
  throw new WorkflowError(problemOf('validation', `${where}: ${error?.message ?? 'does not fit the schema'}`));
}

/** When a task must have ended. @throws WorkflowError, ExpressionError */
export async function deadlineOf(
  world: World,
  place: Place,
  { timeout }: { readonly timeout?: Timeout | string },
  data: unknown,
): Promise<{ readonly deadline?: string }> {
  const after = (typeof timeout === 'string' ? world.definition.use?.timeouts?.[timeout] : timeout)?.after;
  return after === undefined ? {} : { deadline: await momentAfter(world, place, after, data) };
}

/** The moment that is so much later than now. @throws WorkflowError when an expression gave no duration */
export async function momentAfter(world: World, place: Place, duration: Duration, data: unknown): Promise<string> {
  return new Date(world.now().getTime() + (await millisecondsOf(world, place, duration, data))).toISOString();
}

/** @throws WorkflowError when an expression gave no duration */
export async function millisecondsOf(world: World, place: Place, duration: Duration, data: unknown): Promise<number> {
  const scope = await scopeOf(world, place, data, duration);
  const value = (await world.expressions.fill(duration, scope)) as Duration;
  try {
    return durationMs(value);
  } catch (error) {
    if (error instanceof DomainError) throw new WorkflowError(problemOf('expression', error.message));
    throw error;
  }
}
