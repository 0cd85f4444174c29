import { type Catch, type Duration, type RetryPolicy, taskAt } from '@app/dsl';
import { policyOf } from './attempts.js';
import type { Leaf, Level, Problem } from './frame.js';
import { millisecondsOf } from './lifecycle.js';
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
  if (!(await fits(world, here, level, rule, problem)) || !(await agrees(world, here, level, rule))) return undefined;
  const policy = policyOf(world, level);
  if (policy !== undefined && level.try !== undefined && (await agrees(world, here, level, policy))) {
    const until = nextAttempt(world, await timesOf(world, here, level, policy), level.try);
    if (until !== undefined) return { kind: 'retry', until: until.toISOString() };
  }
  if (rule.do !== undefined) return { kind: 'do', vars };
  // Tried in vain: the error is not made good by anything.
  return policy === undefined ? { kind: 'ignore' } : undefined;
}

/** Where a `try` goes on that caught something: with its own list, or with a pause before the next attempt. */
export function afterCatch(
  level: Level,
  caught: Caught & { readonly kind: 'do' | 'retry' },
): { readonly level: Level; readonly leaf?: Leaf; readonly attempt: number } {
  const { task, key, startedAt, raw, input } = level;
  const attempt = level.try ?? { attempt: 1, since: startedAt };
  const known = { ...level, index: 0 };
  if (caught.kind === 'do') {
    const inCatch = {
      ...known,
      vars: caught.vars,
      list: `${task}/catch/do`,
      try: { ...attempt, phase: 'catch' },
    } as const;
    return { level: inCatch, attempt: attempt.attempt };
  }
  const effect = { kind: 'retry', until: caught.until } as const;
  const leaf = { task, key: `${key}~${attempt.attempt}`, raw, input, startedAt, effect };
  return { level: { ...known, try: { ...attempt, phase: 'pause' } }, leaf, attempt: attempt.attempt };
}

/** Each attribute that the catch names; it may be an expression. */
async function fits(
  world: World,
  here: Place,
  { input }: Level,
  { errors }: Catch,
  problem: Problem,
): Promise<boolean> {
  const filter = errors?.with ?? {};
  const filled = (await world.expressions.fill(filter, await scopeOf(world, here, input, filter))) as typeof filter;
  return Object.entries(filled).every(([name, wanted]) => {
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
  return (
    exceptWhen === undefined || !(await expressions.holds(exceptWhen, await scopeOf(world, here, input, exceptWhen)))
  );
}

/** When to try again; undefined: not any more. */
export function nextAttempt(
  { now, random }: Pick<World, 'now' | 'random'>,
  policy: RetryTimes,
  { attempt, since }: { readonly attempt: number; readonly since: string },
): Date | undefined {
  if (attempt > policy.count) return undefined;
  const at = now().getTime() + delayOf(policy, attempt) + policy.jitter.from + random() * policy.jitter.span;
  return at > Date.parse(since) + policy.longestMs ? undefined : new Date(at);
}

/** A retry policy in numbers; times in milliseconds. */
export interface RetryTimes {
  readonly count: number;
  readonly delayMs: number;
  readonly incrementMs?: number;
  readonly multiplier?: number;
  readonly longestMs: number;
  readonly jitter: { readonly from: number; readonly span: number };
}

/** A policy without any limit would go on for ever; the run's own time-out ends it. */
async function timesOf(world: World, here: Place, { input }: Level, policy: RetryPolicy): Promise<RetryTimes> {
  const { delay, backoff, limit, jitter } = policy;
  const ms = async (duration: Duration | undefined, otherwise: number) =>
    duration === undefined ? otherwise : millisecondsOf(world, here, duration, input);
  const delayMs = await ms(delay, 0);
  const from = await ms(jitter?.from, 0);
  return {
    count: limit?.attempt?.count ?? Infinity,
    delayMs,
    ...(backoff?.linear !== undefined && { incrementMs: await ms(backoff.linear.increment, delayMs) }),
    ...(backoff?.exponential !== undefined && { multiplier: backoff.exponential.multiplier ?? 2 }),
    longestMs: await ms(limit?.duration, Infinity),
    jitter: { from, span: Math.max((await ms(jitter?.to, from)) - from, 0) },
  };
}

/** @param attempt the one that failed, from 1 */
function delayOf({ delayMs, incrementMs, multiplier }: RetryTimes, attempt: number): number {
  if (incrementMs !== undefined) return delayMs + (attempt - 1) * incrementMs;
  if (multiplier !== undefined) return Math.min(delayMs * multiplier ** (attempt - 1), LONGEST_MS);
  return delayMs;
}

/** Between two attempts. */
const LONGEST_MS = 24 * 3_600_000;
