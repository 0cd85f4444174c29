import { type Definition, namedItem, type NamedTask, taskAt, type TaskList } from '@app/dsl';
import type { Level } from './frame.js';
import { functionIn } from './functions.js';

/** Where lists stand in the task that holds them, longest first. */
const ENDINGS = ['/metadata/compensate', '/fork/branches', '/catch/do', '/try', '/do'] as const;

/** The list of tasks that a JSON Pointer names; empty when there is none. */
function listAt(definition: Definition, pointer: string): TaskList {
  if (pointer === '/do') return definition.do;
  const name = functionIn(pointer);
  const called = name === undefined ? undefined : taskAt(definition, pointer);
  if (name !== undefined) return called === undefined ? [] : [{ [name]: called }];
  const ending = ENDINGS.find((one) => pointer.endsWith(one));
  const task = ending === undefined ? undefined : taskAt(definition, pointer.slice(0, -ending.length));
  let found: unknown = task;
  for (const step of ending?.split('/').slice(1) ?? []) found = (found as Record<string, unknown> | undefined)?.[step];
  return Array.isArray(found) ? (found as TaskList) : [];
}

/** A task of such a list; undefined after its end. */
export function itemAt(definition: Definition, list: string, index: number): NamedTask | undefined {
  const item = namedItem(listAt(definition, list), index, list);
  // The task of a function is found by the function's own pointer.
  return item !== undefined && functionIn(list) !== undefined ? { ...item, pointer: list } : item;
}

/** Of the task that a flow directive names; beyond the last when it ends the list. DSL 1.0.3, "Flow Directive" */
export function indexAfter(definition: Definition, { list, index }: Level, directive: string): number {
  if (directive === 'continue') return index + 1;
  const items = listAt(definition, list);
  const named = directive === 'exit' ? -1 : items.findIndex((item) => Object.hasOwn(item, directive));
  return named < 0 ? items.length : named;
}
