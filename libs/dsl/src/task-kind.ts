import { DomainError } from '@app/core';
import type { Task } from './definition.js';

/** DSL 1.0.3, "Task": the keywords that say what a task does. */
export const TASK_KINDS = [
  'call',
  'do',
  'emit',
  'for',
  'fork',
  'listen',
  'raise',
  'run',
  'set',
  'switch',
  'try',
  'wait',
] as const;
export type TaskKind = (typeof TASK_KINDS)[number];

/** What a task of a checked definition does. */
export function taskKindOf(task: Task): TaskKind {
  // A loop has a `do`, too.
  if ('for' in task) return 'for';
  const kind = TASK_KINDS.find((name) => name in task);
  if (kind === undefined) throw new DomainError('invalid', 'The task does not say what to do.');
  return kind;
}
