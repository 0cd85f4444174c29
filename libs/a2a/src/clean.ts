import { isJsonObject } from '@app/core';

/** How deep the JSON of an agent may be: deeper ones would overflow the stack of whoever walks them next. */
const MAX_DEPTH = 100;

/** NUL, which PostgreSQL cannot store, and halves of surrogate pairs, which UTF-8 cannot carry. */
const UNSTORABLE = /[\0\p{Surrogate}]/gu;

/** The text without what could be neither stored nor sent on. */
export const cleanText = (text: string): string => text.replace(UNSTORABLE, '\uFFFD');

/** The same for all strings and keys of a JSON value; what lies too deep becomes null. */
export function cleanJson(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.map((item) => cleanJson(item, depth + 1));
  if (!isJsonObject(value)) return null;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [cleanText(key), cleanJson(item, depth + 1)]));
}

/** Whether cleaning would leave a JSON value as it is. */
export function isClean(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return cleanText(value) === value;
  if (typeof value !== 'object' || value === null) return true;
  if (depth >= MAX_DEPTH) return false;
  return Object.entries(value).every(([key, item]) => isClean(key) && isClean(item, depth + 1));
}

/** The cleaned string, or undefined for anything else and for ''. */
export const optionalText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? cleanText(value) : undefined;

/** The cleaned strings of a list, or none. */
export const textList = (value: unknown): string[] =>
  Array.isArray(value) ? value.flatMap((item) => optionalText(item) ?? []) : [];
