import { type Catch, type Duration, durationMs, type RetryPolicy, taskAt } from '@app/dsl';
import type { Level, Problem } from './frame.js';
import { type Place, scopeOf, type World } from './scope.js';

/** What a `try` makes of an error: undefined when it is not caught. */
type Caught =
  | { readonly kind: 'retry'; readonly until: string; readonly vars?: undefined }
  | { readonly kind: 'do'; readonly vars: Readonly<Record<string, unknown>> }
  | { readonly kind: 'ignore'; readonly vars?: undefined };

/** DSL 1.0.3, "Catch" and "Retry". @param level of the `try`, in its first phase */
export async function catching(
  world: World,
  place: Place,
  level: Level,
  problem: Problem,
): Promise<Caught | undefined> {
  const task = taskAt(world.definition, level.task);
  if (task === undefined || !('try' in task)) return undefined;
  const { catch: rule } = task;
  const vars = { [rule.as ?? 'error']: problem };
  const here = { ...place, vars };
  if (!fits(rule, problem) || !(await agrees(world, here, level, rule))) return undefined;
  const policy = typeof rule.retry === 'string' ? world.definition.use?.retries?.[rule.retry] : rule.retry;
  if (policy !== undefined && level.try !== undefined && (await agrees(world, here, level, policy))) {
    const until = nextAttempt(world, policy, level.try);
    if (until !== undefined) return { kind: 'retry', until: until.toISOString() };
  }
  if (rule.do !== undefined) return { kind: 'do', vars };
  // Tried in vain: the error is not made good by anything.
  return policy === undefined ? { kind: 'ignore' } : undefined;
}

function fits({ errors }: Catch, problem: Problem): boolean {
  return Object.entries(errors?.with ?? {}).every(([name, wanted]) => {
    const found = problem[name as keyof Problem];
    return name === 'status' ? Number(found) === Number(wanted) : found === wanted;
  });
}

async function agrees(
  world: World,
  here: Place,
  { input }: Level,
  { when, exceptWhen }: Pick<RetryPolicy, 'when' | 'exceptWhen'>,
): Promise<boolean> {
  const { expressions } = world;
  if (when !== undefined && !(await expressions.holds(when, await scopeOf(world, here, input, when)))) return false;
  return exceptWhen === undefined || !(await expressions.holds(exceptWhen, await scopeOf(world, here, input, exceptWhen)));
}

/** When to try again; undefined: not any more. */
export function nextAttempt(
  { now, random }: Pick<World, 'now' | 'random'>,
  policy: RetryPolicy,
  { attempt, since }: { readonly attempt: number; readonly since: string },
): Date | undefined {
  const { count } = policy.limit?.attempt ?? {};
  if (count !== undefined && attempt > count) return undefined;
  const at = now().getTime() + delayOf(policy, attempt) + jitterOf(policy, random());
  const longest = policy.limit?.duration;
  if (longest !== undefined && at > Date.parse(since) + durationMs(longest)) return undefined;
  return new Date(at);
}

/** A policy without any limit would go on for ever; the run's own time-out ends it. @param attempt the one that failed, from 1 */
function delayOf({ delay = { seconds: 0 }, backoff }: RetryPolicy, attempt: number): number {
  const base = durationMs(delay);
  if (backoff?.linear !== undefined) {
    const { increment } = backoff.linear;
    return base + (attempt - 1) * (increment === undefined ? base : durationMs(increment));
  }
  if (backoff?.exponential !== undefined) return Math.min(base * (backoff.exponential.multiplier ?? 2) ** (attempt - 1), LONGEST_MS);
  return base;
}

/** Between two attempts. */
const LONGEST_MS = 24 * 3_600_000;

function jitterOf({ jitter }: RetryPolicy, random: number): number {
  if (jitter === undefined) return 0;
  const [from, to] = [jitter.from, jitter.to].map((one: Duration) => durationMs(one)) as [number, number];
  return from + random * Math.max(to - from, 0);
}
