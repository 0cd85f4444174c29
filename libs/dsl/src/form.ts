import { isJsonObject, type JsonObject } from '@app/core';
import { type Check, refuse } from './checks.js';
import { LIMITS } from './limits.js';
import type { Place } from './place.js';
import { described, didYouMean, either, quoted } from './problems.js';
import { schemaProblem } from './schemas.js';

const COMMON = ['type', 'title', 'description', 'default'];
/** MCP 2025-11-25, "Elicitation", requested schema: what a client can show as one field of a form. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  string: [...COMMON, 'minLength', 'maxLength', 'format', 'enum', 'enumNames', 'oneOf'],
  number: [...COMMON, 'minimum', 'maximum'],
  integer: [...COMMON, 'minimum', 'maximum'],
  boolean: COMMON,
  array: [...COMMON, 'minItems', 'maxItems', 'items'],
};
const ROOT = ['$schema', 'type', 'title', 'description', 'properties', 'required', 'additionalProperties'];

/** The JSON Schema of an answer: an object of primitive fields, which every MCP client can show as a form. */
export const form: Check = (value, place) => {
  if (!isJsonObject(value)) return place.expected('a JSON Schema of an object', value);
  const { type, properties, required } = value;
  if (type !== 'object')
    return place.expected('"type": "object"', type, 'Ask for an object with one field for each answer.');
  if (!isJsonObject(properties) || Object.keys(properties).length === 0)
    return place.expected('"properties" with at least one field', properties);
  onlyMembers(value, ROOT, { what: 'the schema of an answer', place });
  const names = Object.keys(properties);
  if (names.length > LIMITS.formFields)
    place.at('properties').problem(`Expected at most ${LIMITS.formFields} fields, but found ${names.length}.`);
  for (const [name, member] of Object.entries(properties)) field(member, place.at('properties').at(name));
  if (Array.isArray(required))
    for (const [index, name] of required.entries())
      if (!names.includes(String(name)))
        place
          .at('required')
          .at(index)
          .problem(`${described(name)} is not one of the fields; expected ${either(names)}.`);
  const problem = schemaProblem(value);
  if (problem !== undefined) place.problem(`Expected a JSON Schema, but this one does not compile: ${problem}.`);
};

function field(value: unknown, place: Place): void {
  if (!isJsonObject(value)) return place.expected('the JSON Schema of a field', value);
  const { type, items } = value;
  const members = typeof type === 'string' && Object.hasOwn(FIELDS, type) ? FIELDS[type] : undefined;
  if (members === undefined) {
    if (type === 'object') return refuse('call.human.schema with objects inside', place);
    return place.expected(`a field of type ${either(Object.keys(FIELDS))}`, type);
  }
  onlyMembers(value, members, { what: `a field of type ${String(type)}`, place });
  if (type !== 'array') return;
  const choices = isJsonObject(items) ? (items.enum ?? items.anyOf) : undefined;
  if (!Array.isArray(choices))
    place.problem('A form shows a list only as choices; expected "items" with "enum" or "anyOf".');
}

function onlyMembers(
  value: JsonObject,
  known: readonly string[],
  { what, place }: { what: string; place: Place },
): void {
  for (const member of Object.keys(value))
    if (!known.includes(member))
      place
        .at(member)
        .problem(
          `${quoted(member)} is not a member of ${what} that a form can show; expected ${either(known)}.`,
          didYouMean(member, known),
        );
}
