import { isJsonObject } from '@app/core';
import type { StepEvent } from '@app/tasks';

/** What happened to a task of a workflow, for people. Ends of runs are results and need no words. */
const WORDS: Readonly<Record<string, (detail: NonNullable<StepEvent['detail']>) => string>> = {
  'task.started': () => 'has begun',
  'task.completed': () => 'is done',
  'task.faulted': ({ error }) => `failed${reasonIn(error)}`,
  'task.retried': ({ attempt }) => `is tried again${typeof attempt === 'number' ? `, attempt ${attempt}` : ''}`,
  'task.skipped': () => 'is skipped',
  'task.cancelled': () => 'is not wanted any more',
  'task.compensation.started': () => 'is being undone',
  'task.compensation.completed': () => 'is undone',
  'task.compensation.faulted': ({ error }) => `could not be undone${reasonIn(error)}`,
};

/**
 * A step of a run, such as `review (2 of 5) has begun`, or `ask in review (2 of 5) is done` for a task inside of another.
 * @param count of the tasks of the workflow's own list
 * @returns undefined when there is nothing worth saying
 */
export function stepWords({ type, task, detail = {} }: StepEvent, count: number): string | undefined {
  const words = WORDS[type.replace(/^io\.serverlessworkflow\./, '').replace(/\.v\d+$/, '')];
  const [, list, index, outer, ...inner] = task.split('/').map(unescaped);
  if (words === undefined || outer === undefined) return undefined;
  const number = Number(index) + 1;
  const place = list === 'do' && number <= count ? `${outer} (${number} of ${count})` : outer;
  const name = inner.length === 0 ? place : `${inner.at(-1)} in ${place}`;
  return `${name} ${words(detail)}`;
}

/** A step of a JSON Pointer (RFC 6901). */
const unescaped = (step: string): string => step.replaceAll('~1', '/').replaceAll('~0', '~');

function reasonIn(error: unknown): string {
  const said = isJsonObject(error) ? (error.detail ?? error.title) : undefined;
  return typeof said === 'string' ? `: ${said}` : '';
}
