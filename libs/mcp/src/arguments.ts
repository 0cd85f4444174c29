import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { JsonObject } from '@app/core';

const ajv = new Ajv2020({ allErrors: true });
/** Schemas are few and live as long as the process: each is compiled once. */
const compiled = new WeakMap<JsonObject, ValidateFunction>();

/** Says what is wrong with a tool's arguments, naming the field; undefined when nothing is. */
export function problemWith(schema: JsonObject, args: JsonObject): string | undefined {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    validate = ajv.compile(schema);
    compiled.set(schema, validate);
  }
  return validate(args) ? undefined : wordsOf(validate.errors);
}

/** Errors of a validation, in one line. */
export const wordsOf = (errors: ValidateFunction['errors']): string => (errors ?? []).map(describe).join('; ');

function describe({ instancePath, message = 'does not fit', params, keyword }: ErrorObject): string {
  const field = instancePath.slice(1).replaceAll('/', '.');
  if (keyword === 'required')
    return `${[field, String(params.missingProperty)].filter(Boolean).join('.')}: is required`;
  if (keyword === 'additionalProperties')
    return `${[field, String(params.additionalProperty)].filter(Boolean).join('.')}: is not an argument of this tool`;
  return `${field || 'arguments'}: ${message}`;
}
