import { isJsonObject, type JsonObject } from '@app/core';
import { CallError } from './call-error.js';

/** A text that must be there and not be empty. @throws CallError validation */
export function textIn(args: JsonObject, name: string, field = `with.${name}`): string {
  const value = args[name];
  if (typeof value !== 'string' || value === '') throw expected(field, 'a text that is not empty');
  return value;
}

/** An object that may be absent. @throws CallError validation */
export function objectIn(args: JsonObject, name: string, field = `with.${name}`): JsonObject {
  const value = args[name] ?? {};
  if (!isJsonObject(value)) throw expected(field, 'an object');
  return value;
}

/** The members of an object that are texts, numbers or booleans, as texts; null leaves one out. @throws CallError validation */
export function scalarsIn(args: JsonObject, name: string, field = `with.${name}`): [name: string, value: string][] {
  return Object.entries(objectIn(args, name, field)).flatMap(([key, value]): [string, string][] => {
    if (value === null || value === undefined) return [];
    if (!isScalar(value)) throw expected(`${field}.${key}`, 'a text, a number or a boolean');
    return [[key, String(value)]];
  });
}

export const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

export const expected = (field: string, what: string): CallError =>
  new CallError('validation', `${field}: expected ${what}`);
