import { isJsonObject, type JsonObject } from '@app/core';
import { isSupported, keywordRow } from './keywords.js';
import type { Place } from './place.js';
import { didYouMean, either, quoted } from './problems.js';

/** Looks at one value, and tells its place what is wrong with it. */
export type Check = (value: unknown, place: Place) => void;

interface Shape {
  /** How the table of keywords calls its members: `retry` makes `retry.delay`. */
  readonly keyword: string | ((member: string) => string);
  /** With an article: `a retry policy`. */
  readonly what: string;
  readonly fields: Readonly<Record<string, Check>>;
  readonly required?: readonly string[];
  /** Exactly one of them. */
  readonly oneOf?: readonly string[];
}

/** An object with known members. Members that the table of keywords does not list with a test are refused. */
export const shape =
  ({ keyword, what, fields, required = [], oneOf = [] }: Shape): Check =>
  (value, place) => {
    if (!isJsonObject(value)) return place.expected(what, value);
    const name = typeof keyword === 'function' ? keyword : (member: string) => `${keyword}.${member}`;
    const members = Object.keys(fields).filter((member) => isSupported(name(member)));
    for (const member of required)
      if (!Object.hasOwn(value, member)) place.problem(`"${member}" is missing from ${what}.`);
    onlyOneOf(value, { what, oneOf, members }, place);
    for (const [member, content] of Object.entries(value)) {
      const check = Object.hasOwn(fields, member) ? fields[member] : undefined;
      if (check && isSupported(name(member))) {
        place.findings.keywords.add(name(member));
        check(content, place.at(member));
      } else if (check ?? keywordRow(name(member))) refuse(name(member), place.at(member));
      else
        place
          .at(member)
          .problem(
            `${quoted(member)} is not a member of ${what}; expected ${either(members)}.`,
            didYouMean(member, members),
          );
    }
  };

function onlyOneOf(
  value: JsonObject,
  { what, oneOf, members }: { what: string; oneOf: readonly string[]; members: readonly string[] },
  place: Place,
): void {
  if (oneOf.length === 0) return;
  const present = oneOf.filter((member) => Object.hasOwn(value, member));
  const supported = oneOf.filter((member) => members.includes(member));
  const unknown = Object.keys(value).some((member) => !members.includes(member));
  // A member that nobody knows is most likely the misspelt one, and is told.
  if (present.length === 0 && !unknown)
    place.problem(`${capital(what)} needs ${supported.length > 1 ? 'one of ' : ''}${either(supported.map(quoted))}.`);
  if (present.length > 1)
    place.problem(
      `${capital(what)} may have only one of ${either(supported.map(quoted))}, but has ${present.map(quoted).join(' and ')}.`,
    );
}

/** Tells that a keyword of the DSL is not supported here, and what to use instead. */
export function refuse(keyword: string, place: Place): void {
  place.problem(`"${keyword}" is not supported.`, keywordRow(keyword)?.instead);
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

interface TextRule {
  readonly max?: number;
  readonly pattern?: RegExp;
}

/** Text that is not empty. */
export const text =
  (what = 'text', { max, pattern }: TextRule = {}): Check =>
  (value, place) => {
    if (typeof value === 'number' || typeof value === 'boolean')
      return place.expected(what, value, `Put it into quotes: "${value}".`);
    if (typeof value !== 'string' || value.trim() === '' || pattern?.test(value) === false)
      return place.expected(what, value);
    if (max !== undefined && value.length > max)
      place.problem(`Expected ${what} of at most ${max} characters, but found ${value.length}.`);
  };

export const oneOfWords =
  (words: readonly string[]): Check =>
  (value, place) => {
    if (typeof value === 'string' && words.includes(value)) return;
    place.expected(either(words.map(quoted)), value, typeof value === 'string' ? didYouMean(value, words) : undefined);
  };

export const flag: Check = (value, place) => {
  if (typeof value !== 'boolean') place.expected('true or false', value);
};

export const wholeNumber =
  (least: number, most: number): Check =>
  (value, place) => {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
      place.expected(`a whole number from ${least} to ${most}`, value);
  };

interface ListRule {
  readonly what: string;
  readonly least?: number;
  readonly most?: number;
}

export const listOf =
  (check: Check, { what, least = 1, most = Infinity }: ListRule): Check =>
  (value, place) => {
    if (!Array.isArray(value) || value.length < least) return place.expected(`a list of ${what}`, value);
    if (value.length > most) return place.problem(`Expected at most ${most} ${what}, but found ${value.length}.`);
    for (const [index, item] of value.entries()) check(item, place.at(index));
  };

export const mapOf =
  (check: Check, what: string, most = Infinity): Check =>
  (value, place) => {
    if (!isJsonObject(value)) return place.expected(`an object of ${what}`, value);
    const entries = Object.entries(value);
    if (entries.length > most) place.problem(`Expected at most ${most} ${what}, but found ${entries.length}.`);
    for (const [name, member] of entries) check(member, place.at(name));
  };

export const anyObject: Check = (value, place) => {
  if (!isJsonObject(value)) place.expected('an object', value);
};
