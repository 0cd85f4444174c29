import { isJsonObject } from '@app/core';
import { type Check, shape, text, wholeNumber } from './checks.js';
import { condition, durationOf, membersOf, orExpression } from './data.js';
import { readDuration } from './durations.js';
import { LIMITS } from './limits.js';
import type { Place } from './place.js';

const URI = /^[A-Za-z][A-Za-z0-9+\-.]*:\/\/[^\x00-\x20"'<>\\^`{|}]*$/; // oxlint-disable-line no-control-regex
const type = orExpression((value, place) => {
  if (typeof value !== 'string' || !URI.test(value))
    place.expected('a URI, such as "https://serverlessworkflow.io/spec/1.0.0/errors/timeout"', value);
});
const status = wholeNumber(100, 599);
const instance = orExpression(text('a JSON Pointer, such as "/do/0/ask"', { pattern: /^\/(?:[^~]|~[01])*$/ }));
const words = orExpression(text());

/** DSL 1.0.3, "Error". */
export const error = shape({
  keyword: 'error',
  what: 'an error',
  fields: { type, status, instance, title: words, detail: words },
  required: ['type', 'status'],
});

const errorOrReference: Check = (value, place) => {
  if (typeof value === 'string') return place.declared('errors', value);
  error(value, place);
};
export const raise = shape({
  keyword: 'raise',
  what: 'a "raise"',
  fields: { error: errorOrReference },
  required: ['error'],
});

const errorFilter: Check = (value, place) => {
  if (isJsonObject(value) && Object.keys(value).length === 0)
    return place.expected('an object of attributes of an error', value);
  shape({
    keyword: 'catch.errors.with',
    what: 'a filter of errors',
    fields: { type: words, status, instance: words, title: words, detail: words, details: words },
  })(value, place);
};
export const caughtErrors = shape({ keyword: 'catch.errors', what: 'an "errors"', fields: { with: errorFilter } });

const duration = durationOf();
const constant = shape({ keyword: 'retry.backoff.constant', what: 'a constant backoff', fields: {} });
const linear = shape({ keyword: 'retry.backoff.linear', what: 'a linear backoff', fields: { increment: duration } });
const multiplier: Check = (value, place) => {
  if (typeof value !== 'number' || !(value >= 1 && value <= 100)) place.expected('a number from 1 to 100', value);
};
const exponential = shape({
  keyword: 'retry.backoff.exponential',
  what: 'an exponential backoff',
  fields: { multiplier },
});
const backoff = shape({
  keyword: 'retry.backoff',
  what: 'a backoff',
  fields: { constant, linear, exponential },
  oneOf: ['constant', 'linear', 'exponential'],
});
const attempt = shape({
  keyword: 'retry.limit.attempt',
  what: 'a limit of attempts',
  fields: { count: wholeNumber(1, LIMITS.retryAttempts), duration: durationOf({ leastMs: 1 }) },
});
const limit = shape({
  keyword: 'retry.limit',
  what: 'a limit of retries',
  fields: { attempt, duration: durationOf({ leastMs: 1 }) },
});
const range = shape({
  keyword: 'retry.jitter',
  what: 'a jitter',
  fields: { from: duration, to: duration },
  required: ['from', 'to'],
});
const jitter: Check = (value, place) => {
  range(value, place);
  const [from, to] = [readDuration(membersOf(value).from), readDuration(membersOf(value).to)];
  if ('ms' in from && 'ms' in to && from.ms > to.ms)
    place.problem('"from" is longer than "to"; expected the shorter duration first.');
};

/** DSL 1.0.3, "Retry". */
export const retryPolicy = shape({
  keyword: 'retry',
  what: 'a retry policy',
  fields: { when: condition, exceptWhen: condition, delay: duration, backoff, limit, jitter },
});

export const retryOrReference = (value: unknown, place: Place): void => {
  if (typeof value === 'string') return place.declared('retries', value);
  retryPolicy(value, place);
};

/** DSL 1.0.3, "Timeout". */
export const timeout = shape({
  keyword: 'timeout',
  what: 'a timeout',
  fields: { after: durationOf({ leastMs: 1 }) },
  required: ['after'],
});

export const timeoutOrReference = (value: unknown, place: Place): void => {
  if (typeof value === 'string') return place.declared('timeouts', value);
  timeout(value, place);
};
