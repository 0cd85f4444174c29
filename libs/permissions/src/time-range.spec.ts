import { expect, test } from 'vitest';
import { isWithin } from './time-range.js';

const BERLIN = 'Europe/Berlin';

test.each([
  ['in the day', { from: '09:00', to: '17:00', timeZone: 'UTC' }, '2026-03-02T09:00:00Z', true],
  ['its end does not belong to it', { from: '09:00', to: '17:00', timeZone: 'UTC' }, '2026-03-02T17:00:00Z', false],
  ['by the clock there', { from: '09:00', to: '17:00', timeZone: BERLIN }, '2026-03-02T08:30:00Z', true],
  ['in summer too', { from: '09:00', to: '17:00', timeZone: BERLIN }, '2026-07-06T07:30:00Z', true],
  [
    'over midnight, before it',
    { from: '22:00', to: '06:00', timeZone: 'UTC', days: [1] },
    '2026-03-02T23:00:00Z',
    true,
  ],
  ['over midnight, after it', { from: '22:00', to: '06:00', timeZone: 'UTC', days: [1] }, '2026-03-03T05:59:00Z', true],
  [
    'over midnight, of the day before',
    { from: '22:00', to: '06:00', timeZone: 'UTC', days: [1] },
    '2026-03-02T05:00:00Z',
    false,
  ],
  ['from Sunday to Monday', { from: '22:00', to: '06:00', timeZone: 'UTC', days: [7] }, '2026-03-02T05:00:00Z', true],
  [
    'the same time is all day',
    { from: '00:00', to: '00:00', timeZone: 'UTC', days: [1] },
    '2026-03-02T13:00:00Z',
    true,
  ],
  ['another day', { from: '00:00', to: '00:00', timeZone: 'UTC', days: [2] }, '2026-03-02T13:00:00Z', false],
])('%s', (_, range, moment, expected) => {
  expect(isWithin(range, new Date(moment))).toBe(expected);
});
