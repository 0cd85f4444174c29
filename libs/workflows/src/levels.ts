import { type Task, type TaskKind, taskKindOf } from '@app/dsl';
import { attemptOf } from './attempts.js';
import type { Level } from './frame.js';
import { loopOver } from './loops.js';
import type { World } from './scope.js';

/** Where the list stands of a task that is nothing but one. */
const INNER: Partial<Readonly<Record<TaskKind, string>>> = { do: '/do', for: '/do', try: '/try' };

/** JSON Pointer of the list that a task holds; undefined: it is done in another way. */
export function innerList(pointer: string, task: Task): string | undefined {
  const inner = INNER[taskKindOf(task)];
  return inner === undefined ? undefined : pointer + inner;
}

/** The level of such a task, before the first of its list. @throws WorkflowError, ExpressionError */
export async function levelOf(world: World, stack: readonly Level[], task: Task, level: Level): Promise<Level> {
  if ('for' in task) return { ...level, for: await loopOver(world, { stack, activation: level }, task) };
  if ('try' in task) return { ...level, try: await attemptOf(world, stack, level) };
  return level;
}

/** The level of a `try` that begins anew. @throws WorkflowError, ExpressionError */
export async function begunAnew(world: World, stack: readonly Level[], level: Level): Promise<Level> {
  const next = { ...level, index: 0, vars: undefined };
  return { ...next, try: await attemptOf(world, stack, next) };
}
