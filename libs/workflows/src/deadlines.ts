import type { Activation, Frame, Level, Problem } from './frame.js';
import { problemOf } from './problems.js';
import type { Outcome } from './plan.js';

/** What the time has brought. */
export function dueOutcomes(
  frames: Iterable<Frame>,
  now: Date,
): { readonly frame: string; readonly outcome: Outcome }[] {
  return [...frames].flatMap((frame) => {
    const outcome = dueOutcome(frame, now.toISOString());
    return outcome === undefined ? [] : [{ frame: frame.id, outcome }];
  });
}

/** When the next one is due. */
export function dueAt(frames: Iterable<Frame>): Date | undefined {
  const times = [...frames].flatMap(timesOf).toSorted();
  return times[0] === undefined ? undefined : new Date(times[0]);
}

function timesOf({ stack, leaf, end }: Frame): string[] {
  if (end !== undefined) return [];
  const limits = [...stack, ...(leaf === undefined ? [] : [leaf])].flatMap(limitsOf).map(({ at }) => at);
  return leaf !== undefined && 'until' in leaf.effect && leaf.effect.until !== undefined
    ? [...limits, leaf.effect.until]
    : limits;
}

function dueOutcome({ stack, leaf, end }: Frame, now: string): Outcome | undefined {
  if (end !== undefined) return undefined;
  // The outermost first: it ends all that is within.
  const late = [...stack, ...(leaf === undefined ? [] : [leaf])].flatMap(limitsOf).find(({ at }) => at <= now);
  if (late !== undefined) return late.outcome;
  if (leaf === undefined) return undefined;
  const { effect } = leaf;
  if (effect.kind === 'human' && effect.until !== undefined && effect.until <= now)
    return { kind: 'problem', problem: problemOf('timeout', `Nobody answered before ${effect.until}`) };
  const isDone = (effect.kind === 'wait' || effect.kind === 'retry') && effect.until <= now;
  return isDone ? { kind: 'output', output: leaf.input } : undefined;
}

interface Limit {
  readonly at: string;
  readonly outcome: Outcome;
}

/** Of the task, then of the attempt that is under way. */
function limitsOf({ key, deadline, ...level }: Activation & Pick<Level, 'try'>): Limit[] {
  const task: Limit[] = deadline === undefined ? [] : [{ at: deadline, outcome: { kind: 'timeout', key } }];
  const until = level.try?.phase === 'try' ? level.try.until : undefined;
  return until === undefined ? task : [...task, { at: until, outcome: { kind: 'timeout', key, attempt: true } }];
}

/** @param attempt of a `try` that took too long, and not the task itself */
export function tooLate({ task, deadline }: Activation, attempt: Level['try'] | undefined): Problem {
  const what = task === '' ? 'The workflow' : `${attempt === undefined ? 'The' : 'An attempt of the'} task ${task}`;
  const limit = attempt === undefined ? deadline : attempt.until;
  return problemOf('timeout', `${what} did not end before ${limit ?? 'its time-out'}`);
}
