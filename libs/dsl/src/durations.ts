import { DomainError, isJsonObject } from '@app/core';
import type { Duration } from './definition.js';
import { LIMITS } from './limits.js';
import { described, didYouMean, either } from './problems.js';

const UNITS = { days: 86_400_000, hours: 3_600_000, minutes: 60_000, seconds: 1000, milliseconds: 1 } as const;
const ISO =
  /^P(?!$)(?:(?<years>\d+(?:\.\d+)?)Y)?(?:(?<months>\d+(?:\.\d+)?)M)?(?:(?<weeks>\d+(?:\.\d+)?)W)?(?:(?<days>\d+(?:\.\d+)?)D)?(?:T(?=\d)(?:(?<hours>\d+(?:\.\d+)?)H)?(?:(?<minutes>\d+(?:\.\d+)?)M)?(?:(?<seconds>\d+(?:\.\d+)?)S)?)?$/;

/** Milliseconds, rounded. Throws `invalid` for what is no duration, years and months, and an expression not yet evaluated. */
export function durationMs(duration: Duration): number {
  const read = readDuration(duration);
  if ('message' in read) throw new DomainError('invalid', read.message);
  return read.ms;
}

/** `message` has one sentence about what is wrong. */
export function readDuration(
  value: unknown,
): { readonly ms: number } | { readonly message: string; readonly suggestion?: string | undefined } {
  const read = typeof value === 'string' ? fromIso(value) : fromParts(value);
  if ('ms' in read && read.ms > LIMITS.durationDays * UNITS.days)
    return { message: `A duration may be at most ${LIMITS.durationDays} days long.` };
  return read;
}

function fromIso(text: string): ReturnType<typeof readDuration> {
  const parts = ISO.exec(text)?.groups;
  if (parts === undefined)
    return {
      message: `Expected an ISO 8601 duration or an object of ${either(Object.keys(UNITS))}, but found ${described(text)}.`,
      suggestion: 'Write for example "PT15M" for fifteen minutes, or { minutes: 15 }.',
    };
  if (parts.years !== undefined || parts.months !== undefined)
    return { message: 'Years and months have no fixed length; expected weeks, days or less.' };
  const of = (name: string): number => Number(parts[name] ?? 0);
  const days = of('weeks') * 7 + of('days');
  return {
    ms: Math.round(
      days * UNITS.days + of('hours') * UNITS.hours + of('minutes') * UNITS.minutes + of('seconds') * 1000,
    ),
  };
}

function fromParts(value: unknown): ReturnType<typeof readDuration> {
  if (!isJsonObject(value) || Object.keys(value).length === 0)
    return {
      message: `Expected an ISO 8601 duration or an object of ${either(Object.keys(UNITS))}, but found ${described(value)}.`,
    };
  let ms = 0;
  for (const [unit, amount] of Object.entries(value)) {
    if (!Object.hasOwn(UNITS, unit))
      return {
        message: `"${unit}" is not a part of a duration; expected ${either(Object.keys(UNITS))}.`,
        suggestion: didYouMean(unit, Object.keys(UNITS)),
      };
    if (!Number.isSafeInteger(amount) || (amount as number) < 0)
      return { message: `Expected a whole number, 0 or more, for "${unit}", but found ${described(amount)}.` };
    ms += (amount as number) * UNITS[unit as keyof typeof UNITS];
  }
  return { ms };
}
