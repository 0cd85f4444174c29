import { isJsonObject } from '@app/core';
import { expected } from './arguments.js';

const UNITS_MS = { days: 86_400_000, hours: 3_600_000, minutes: 60_000, seconds: 1_000, milliseconds: 1 } as const;
const ISO = /^P(?=.)(?:(\d+(?:\.\d+)?)D)?(?:T(?=\d)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** DSL 1.0.3 "Duration" of a call, in milliseconds: ISO 8601 without years, months and weeks, or an object of its parts. */
export function durationMs(value: unknown, field: string): number {
  const parts = isJsonObject(value) ? Object.entries(value) : isoParts(value);
  const ms = parts?.reduce((sum, [unit, count]) => sum + Number(count ?? 0) * (unitOf(unit) ?? NaN), 0);
  if (ms === undefined || !Number.isFinite(ms) || ms <= 0)
    throw expected(field, 'a duration such as PT30S or {seconds: 30}');
  return ms;
}

function isoParts(value: unknown): [unit: string, count: unknown][] | undefined {
  const found = typeof value === 'string' ? ISO.exec(value) : null;
  if (found === null) return undefined;
  const [, days, hours, minutes, seconds] = found;
  return Object.entries({ days, hours, minutes, seconds });
}

const unitOf = (unit: string): number | undefined =>
  Object.hasOwn(UNITS_MS, unit) ? UNITS_MS[unit as keyof typeof UNITS_MS] : undefined;
