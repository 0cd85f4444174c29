import { type CallTask, type Definition, type Task } from '@app/dsl';
import type { Activation, Level } from './frame.js';
import { filtered } from './lifecycle.js';
import type { Place, World } from './scope.js';

/** Where the one task of a function stands: a list of its own. */
const FUNCTION = /^\/use\/functions\/([^/]+)$/;

export const listOfFunction = (name: string): string =>
  `/use/functions/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** The function whose task such a list holds; undefined for any other list. */
export const functionIn = (list: string): string | undefined =>
  FUNCTION.exec(list)?.[1]?.replaceAll('~1', '/').replaceAll('~0', '~');

/** The task that a call names by one of `use.functions`. */
export function functionOf({ use }: Definition, task: Task): Task | undefined {
  if (!('call' in task)) return undefined;
  const functions = use?.functions ?? {};
  return Object.hasOwn(functions, task.call) ? functions[task.call] : undefined;
}

/** What a function gets as its input: its arguments, or what its call got when there are none. */
export async function argumentsOf(
  world: World,
  place: Place & { readonly activation: Activation },
  task: CallTask,
): Promise<unknown> {
  const { input } = place.activation;
  return task.with === undefined ? input : filtered(world, place, task.with, input);
}

/** Levels of calls of functions, outermost first. */
export const callersIn = (stack: readonly Level[]): readonly Level[] =>
  stack.filter(({ list }) => functionIn(list) !== undefined);
