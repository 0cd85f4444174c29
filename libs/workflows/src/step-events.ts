import type { StepEvent } from '@app/tasks';
import type { Activation } from './frame.js';

/** More of what a task made than this is left out of its event; the run itself holds it. In characters of JSON. */
export const MOST_DETAIL = 64 * 1024;

/** DSL 1.0.3, "Lifecycle Events"; `skipped` is ours. */
export function stepEvent(
  what: string,
  frame: string,
  { task, key }: Pick<Activation, 'task' | 'key'>,
  detail?: Record<string, unknown>,
): StepEvent {
  const type = `io.serverlessworkflow.task.${what}.v1`;
  const isLarge = detail !== undefined && JSON.stringify(detail).length > MOST_DETAIL;
  const told = isLarge ? { omitted: `more than ${MOST_DETAIL} characters` } : detail;
  return { type, task, frame, key, ...(told && { detail: told }) };
}
