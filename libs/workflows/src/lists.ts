import { type Definition, taskAt, type TaskList } from '@app/dsl';

/** Where lists stand in the task that holds them, longest first. */
const ENDINGS = ['/metadata/compensate', '/fork/branches', '/catch/do', '/try', '/do'] as const;

/** The list of tasks that a JSON Pointer names; empty when there is none. */
export function listAt(definition: Definition, pointer: string): TaskList {
  if (pointer === '/do') return definition.do;
  const ending = ENDINGS.find((one) => pointer.endsWith(one));
  const task = ending === undefined ? undefined : taskAt(definition, pointer.slice(0, -ending.length));
  let found: unknown = task;
  for (const step of ending?.split('/').slice(1) ?? []) found = (found as Record<string, unknown> | undefined)?.[step];
  return Array.isArray(found) ? (found as TaskList) : [];
}
