import { isJsonObject } from '@app/core';
import { type Check, listOf, mapOf, oneOfWords, shape, text } from './checks.js';
import { data, expression, orExpression } from './data.js';
import { LIMITS } from './limits.js';
import type { Place } from './place.js';
import { quoted } from './problems.js';

const URI = /^[A-Za-z][A-Za-z0-9+\-.]*:\/\/[^\x00-\x20"'<>\\^`{|}]*$/; // oxlint-disable-line no-control-regex
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

const attributeUri = orExpression((value, place) => {
  if (typeof value !== 'string' || !URI.test(value))
    place.expected('an absolute URI, such as "https://example.com/orders"', value);
});
const time = orExpression((value, place) => {
  if (typeof value !== 'string' || !TIME.test(value) || Number.isNaN(Date.parse(value)))
    place.expected('a date and time, such as "2030-01-31T12:00:00Z"', value);
});
const attributeText = orExpression(text());

/** CloudEvents 1.0, "Context Attributes". Others are extensions of their sender. */
const ATTRIBUTES: Readonly<Record<string, Check>> = {
  id: attributeText,
  source: attributeUri,
  type: attributeText,
  time,
  subject: attributeText,
  datacontenttype: attributeText,
  dataschema: attributeUri,
  data,
};

function attributes(value: unknown, place: Place): void {
  if (!isJsonObject(value) || Object.keys(value).length === 0)
    return place.expected('an object of event attributes', value);
  for (const [name, member] of Object.entries(value)) {
    const check = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;
    if (check === undefined && !/^[a-z0-9]{1,20}$/.test(name))
      place
        .at(name)
        .problem(
          `${quoted(name)} cannot name an attribute of a CloudEvent; expected up to 20 lower-case letters and digits.`,
        );
    else (check ?? data)(member, place.at(name));
  }
}

const emitted: Check = (value, place) => {
  attributes(value, place);
  if (!isJsonObject(value)) return;
  for (const name of ['source', 'type'])
    if (!Object.hasOwn(value, name)) place.problem(`"${name}" is missing from the event.`);
};

const event = shape({ keyword: 'emit.event', what: 'an event', fields: { with: emitted }, required: ['with'] });

/** DSL 1.0.3, "Emit". */
export const emit = shape({ keyword: 'emit', what: 'an "emit"', fields: { event }, required: ['event'] });

const correlation = shape({
  keyword: 'event.correlate',
  what: 'a correlation',
  fields: { from: expression, expect: orExpression(text('a constant or an expression')) },
  required: ['from'],
});

const eventFilter = shape({
  keyword: 'event',
  what: 'an event filter',
  fields: { with: attributes, correlate: mapOf(correlation, 'correlations') },
  required: ['with'],
});

const filters = listOf(eventFilter, { what: 'event filters', most: LIMITS.events });
const anyFilters = listOf(eventFilter, { what: 'event filters', least: 0, most: LIMITS.events });

const strategy = (keyword: string, fields: Readonly<Record<string, Check>>): Check =>
  shape({
    keyword,
    what: 'what to listen to',
    fields: { one: eventFilter, any: anyFilters, all: filters, ...fields },
    oneOf: ['one', 'any', 'all'],
  });

const untilEvents = strategy('listen.to', {
  until: (_, place) => place.problem('"until" cannot stand inside of another "until".'),
});
const until: Check = (value, place) => (isJsonObject(value) ? endless(untilEvents) : expression)(value, place);
const untilAllowed = strategy('listen.to', { until });

/** `any` of no filter means every event, so only `until` ends it. */
const endless =
  (check: Check): Check =>
  (value, place) => {
    check(value, place);
    if (!isJsonObject(value)) return;
    const { any, until: end } = value;
    if (Array.isArray(any) && any.length === 0 && end === undefined)
      place.at('any').problem('An empty list takes every event and never ends; expected event filters, or "until".');
    if (any === undefined && end !== undefined && (value.one ?? value.all) !== undefined)
      place.at('until').problem('"until" goes with "any" only.');
  };

/** DSL 1.0.3, "Listen". */
export const listen = shape({
  keyword: 'listen',
  what: 'a "listen"',
  fields: { to: endless(untilAllowed), read: oneOfWords(['data', 'envelope', 'raw']) },
  required: ['to'],
});
