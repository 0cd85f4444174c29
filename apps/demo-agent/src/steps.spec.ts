import { expect, test } from 'vitest';
import { durationOf } from './steps.js';

const heard = (text: string, data?: unknown) => ({
  text,
  parts: data === undefined ? [] : [{ data }],
  answering: false,
});

test.each([
  ['tea in 200ms', 200],
  ['tea in 1.5 s', 1_500],
  ['run for 2 min', 120_000],
  ['run for 3 minutes', 180_000],
  ['run for 90 seconds', 90_000],
  ['in 10 cups', 4_000],
  ['for 900 min', 3_600_000],
])('"%s" takes %d ms', (text, ms) => {
  expect(durationOf(heard(text), 4_000)).toBe(ms);
});

test('a data part says it before words do', () => {
  expect(durationOf(heard('in 5 s', { durationMs: 7 }), 4_000)).toBe(7);
  expect(durationOf(heard('in 5 s', { durationMs: 'soon' }), 4_000)).toBe(5_000);
});
