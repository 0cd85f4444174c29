import { type ForTask, taskAt } from '@app/dsl';
import type { Level } from './frame.js';
import { problemOf, WorkflowError } from './problems.js';
import { type Place, scopeOf, type World } from './scope.js';

/** What a `for` goes over. @throws WorkflowError when that is no array; ExpressionError */
export async function loopOver(
  world: World,
  place: Place & { readonly activation: { readonly input: unknown } },
  task: ForTask,
): Promise<NonNullable<Level['for']>> {
  const { in: over } = task.for;
  const items = await world.expressions.evaluate(over, await scopeOf(world, place, place.activation.input, over));
  if (Array.isArray(items)) return { items, at: -1 };
  const found = items === null ? 'null' : typeof items;
  throw new WorkflowError(problemOf('expression', `for.in: expected an array, got ${found}`));
}

/** The level of the iteration after this one; undefined: the loop is done. @param data what the last iteration gave */
export async function nextIteration(
  world: World,
  stack: readonly Level[],
  level: Level,
  data: unknown,
): Promise<Level | undefined> {
  const task = taskAt(world.definition, level.task);
  if (level.for === undefined || task === undefined || !('for' in task)) return undefined;
  const at = level.for.at + 1;
  if (at >= level.for.items.length) return undefined;
  const { each = 'item', at: counter = 'index' } = task.for;
  const vars = { [each]: level.for.items[at], [counter]: at };
  const next = { ...level, index: 0, for: { ...level.for, at }, vars };
  if (task.while === undefined) return next;
  const scope = await scopeOf(world, { stack: [...stack, next], activation: level }, data, task.while);
  return (await world.expressions.holds(task.while, scope)) ? next : undefined;
}
