import { isJsonObject, type JsonObject } from '@app/core';
import { type Check, oneOfWords, refuse, shape } from './checks.js';
import { readDuration } from './durations.js';
import type { Place } from './place.js';
import { described } from './problems.js';
import { schemaProblem } from './schemas.js';

const WHOLE = /^\s*\$\{([\s\S]+)\}\s*$/;

/** The jq of a text that is one runtime expression, `${ … }`; undefined for any other text. */
export const expressionIn = (text: string): string | undefined => WHOLE.exec(text)?.[1]?.trim();

/** Only a whole text is evaluated, so `${ … }` inside of one would stay as it is: nobody means that. */
function literal(text: string, place: Place): void {
  if (text.includes('${'))
    place.problem(
      `${described(text)} mixes text with an expression; expected either text or one expression.`.replace(
        /^./,
        (first) => first.toUpperCase(),
      ),
      'Let the expression build the text: ${ "Hello \\(.name)" }.',
    );
}

/** A member that is always evaluated; `${` and `}` may be left out. */
export const expression: Check = (value, place) => {
  if (typeof value === 'boolean' || typeof value === 'number')
    return place.expected('a runtime expression', value, `Write "\${ ${value} }".`);
  if (typeof value !== 'string' || value.trim() === '') return place.expected('a runtime expression', value);
  const inner = expressionIn(value);
  if (inner === undefined && value.includes('${')) return literal(value, place);
  place.expression(inner ?? value);
};

/** Whatever it checks gives nothing that is stored: it passes by, or decides. */
export const passing =
  (check: Check): Check =>
  (value, place) =>
    check(value, place.with({ passing: true }));

/** A member that decides something. */
export const condition: Check = passing((value, place) => expression(value, place));

/** Anything; text that is an expression is evaluated, at any depth. */
export const data: Check = (value, place) => {
  if (typeof value === 'string') {
    const inner = expressionIn(value);
    if (inner === undefined) literal(value, place);
    else place.expression(inner);
  } else if (Array.isArray(value)) value.forEach((item, index) => data(item, place.at(index)));
  else if (isJsonObject(value)) for (const [key, member] of Object.entries(value)) data(member, place.at(key));
};

/** An expression, or what the check accepts. */
export const orExpression =
  (check: Check): Check =>
  (value, place) => {
    const inner = typeof value === 'string' ? expressionIn(value) : undefined;
    if (inner === undefined) {
      if (typeof value === 'string' && value.includes('${')) return literal(value, place);
      return check(value, place);
    }
    // DSL 1.0.3, "runtimeExpression": its pattern knows no line breaks.
    if (inner.includes('\n')) return place.problem('Expected the expression on one line.');
    place.expression(inner);
  };

/** Names to data. */
export const dataObject: Check = (value, place) => {
  if (!isJsonObject(value)) return place.expected('an object', value);
  data(value, place);
};

/** An expression, or an object that holds some. */
export const expressionOrObject: Check = (value, place) => {
  if (isJsonObject(value)) return data(value, place);
  if (typeof value !== 'string') return place.expected('a runtime expression or an object', value);
  expression(value, place);
};

/** Text to text, or an expression that gives such an object. */
export const textMap: Check = (value, place) => {
  if (!isJsonObject(value)) return orExpression(notAMap)(value, place);
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === 'string') data(member, place.at(name));
    else place.at(name).expected('text', member, `Put it into quotes: "${String(member)}".`);
  }
};
const notAMap: Check = (value, place) => place.expected('an object of texts, or an expression', value);

interface DurationRule {
  readonly leastMs?: number;
  /** Where nothing is there yet to evaluate one on. */
  readonly noExpression?: boolean;
}

export const durationOf =
  ({ leastMs = 0, noExpression = false }: DurationRule = {}): Check =>
  (value, place) => {
    const check: Check = (given, where) => {
      const read = readDuration(given);
      if ('message' in read) return where.problem(read.message, read.suggestion);
      if (read.ms < leastMs) where.problem(`Expected a duration of at least ${leastMs} ms, but found ${read.ms} ms.`);
    };
    return (noExpression ? check : orExpression(check))(value, place);
  };

const jsonSchema: Check = (value, place) => {
  if (!isJsonObject(value)) return place.expected('a JSON Schema', value);
  const problem = schemaProblem(value);
  if (problem !== undefined) place.problem(`Expected a JSON Schema, but this one does not compile: ${problem}.`);
};

const format: Check = (value, place) => {
  if (value !== 'json' && typeof value === 'string' && value.trim() !== '')
    return refuse('schema.format other than json', place);
  oneOfWords(['json'])(value, place);
};

const schema = shape({
  keyword: 'schema',
  what: 'a schema',
  fields: { format, document: jsonSchema },
  required: [],
  oneOf: ['document', 'resource'],
});

/** `input`, `output` or `export`; `variables` is what its expression may refer to. */
export const filter =
  (kind: 'input' | 'output' | 'export', variables: readonly string[]): Check =>
  (value, place) =>
    shape({
      keyword: kind,
      what: `an "${kind}"`,
      fields: {
        schema,
        [kind === 'input' ? 'from' : 'as']: (content, where) => expressionOrObject(content, where.with({ variables })),
      },
    })(value, place);

/** What is an object in a document, else none of its members. */
export const membersOf = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});
