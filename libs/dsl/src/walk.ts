import { isJsonObject, type JsonObject } from '@app/core';
import type { Definition, Task, TaskList } from './definition.js';
import { pointerStep } from './problems.js';

export interface NamedTask {
  readonly name: string;
  readonly task: Task;
  /** JSON Pointer (RFC 6901), as the `instance` of errors has it: `/do/2/both/fork/branches/1/ask`. */
  readonly pointer: string;
}

/** One task of a list; `list` is the pointer to the list itself. undefined when there is none at this index. */
export function namedItem(tasks: TaskList, index: number, list = ''): NamedTask | undefined {
  const [entry] = Object.entries(tasks[index] ?? {});
  if (entry === undefined) return undefined;
  const [name, task] = entry;
  return { name, task, pointer: `${list}${pointerStep(index)}${pointerStep(name)}` };
}

/** Where the lists of tasks stand in each kind of task. */
const LISTS = [['do'], ['fork', 'branches'], ['try'], ['catch', 'do'], ['metadata', 'compensate']] as const;

/** Task lists directly inside of a task, with their pointers from it. */
function listsIn(task: unknown): { list: TaskList; pointer: string }[] {
  return LISTS.flatMap((steps) => {
    let value = task;
    for (const step of steps) value = isJsonObject(value) ? value[step] : undefined;
    return Array.isArray(value) ? [{ list: value as TaskList, pointer: `/${steps.join('/')}` }] : [];
  });
}

/** Every task below a list, in the order of the document; tolerates what is no task. */
function* below(tasks: TaskList, list: string): Generator<NamedTask> {
  for (const index of tasks.keys()) {
    const item = isJsonObject(tasks[index]) ? namedItem(tasks, index, list) : undefined;
    if (item) yield* withInner(item);
  }
}

function* withInner(item: NamedTask): Generator<NamedTask> {
  yield item;
  for (const { list, pointer } of listsIn(item.task)) yield* below(list, item.pointer + pointer);
}

/** A task of `use.functions`, and every task inside of it. */
export const tasksOfFunction = (name: string, task: Task): Generator<NamedTask> =>
  withInner({ name, task, pointer: `/use/functions${pointerStep(name)}` });

/** Every task of a definition: of the workflow, then of its functions, compensations included. */
export function* tasksOf(definition: Definition | JsonObject): Generator<NamedTask> {
  const { do: tasks, use } = definition as { do?: unknown; use?: unknown };
  if (Array.isArray(tasks)) yield* below(tasks as TaskList, '/do');
  const functions = isJsonObject(use) && isJsonObject(use.functions) ? use.functions : {};
  for (const [name, task] of Object.entries(functions)) yield* tasksOfFunction(name, task as Task);
}

/** The task that a pointer names; undefined when it names none. */
export function taskAt(definition: Definition, pointer: string): Task | undefined {
  const [root, ...steps] = stepsOf(pointer);
  if (root === 'do') return inList(definition.do, steps);
  if (root !== 'use' || steps[0] !== 'functions') return undefined;
  const [, name = '', ...rest] = steps;
  const { functions = {} } = definition.use ?? {};
  const task = Object.hasOwn(functions, name) ? functions[name] : undefined;
  return task && inTask(task, rest);
}

const stepsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

function inList(tasks: TaskList, [index = '', name, ...rest]: readonly string[]): Task | undefined {
  const item = /^(?:0|[1-9]\d{0,8})$/.test(index) ? namedItem(tasks, Number(index)) : undefined;
  return item?.name === name && item ? inTask(item.task, rest) : undefined;
}

function inTask(task: Task, steps: readonly string[]): Task | undefined {
  if (steps.length === 0) return task;
  const path = `/${steps.join('/')}/`;
  const inner = listsIn(task).find(({ pointer }) => path.startsWith(`${pointer}/`));
  return inner && inList(inner.list, steps.slice(inner.pointer.split('/').length - 1));
}
