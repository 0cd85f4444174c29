import { type RetryPolicy, taskAt } from '@app/dsl';
import type { Level } from './frame.js';
import { momentAfter } from './lifecycle.js';
import type { World } from './scope.js';

/** The retry policy of the `try` of a level. */
export function policyOf(world: World, level: Level): RetryPolicy | undefined {
  const task = taskAt(world.definition, level.task);
  const retry = task !== undefined && 'try' in task ? task.catch.retry : undefined;
  return typeof retry === 'string' ? world.definition.use?.retries?.[retry] : retry;
}

/** The next attempt of a `try`; the first has none before it. @throws WorkflowError, ExpressionError */
export async function attemptOf(
  world: World,
  stack: readonly Level[],
  level: Level,
): Promise<NonNullable<Level['try']>> {
  const { attempt, since } = level.try ?? { attempt: 0, since: level.startedAt };
  const longest = policyOf(world, level)?.limit?.attempt?.duration;
  const place = { stack, activation: level };
  const until = longest === undefined ? undefined : await momentAfter(world, place, longest, level.input);
  return { phase: 'try', attempt: attempt + 1, since, ...(until !== undefined && { until }) };
}
