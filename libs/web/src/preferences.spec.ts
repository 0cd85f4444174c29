import { expect, test } from 'vitest';
import { waitIn } from './preferences.js';

test.each([
  ['wait=10', 10],
  ['respond-async, wait=5', 5],
  ['Wait = "7"; strict', 7],
  ['wait=0', 0],
  ['wait=3600', 60],
  ['wait=2, wait=9', 2],
])('%s', (header, seconds) => {
  expect(waitIn(header)).toBe(seconds);
});

test.each([undefined, '', 'respond-async', 'wait', 'wait=soon', 'wait=-1', 'await=3', 'wait=1.5'])(
  '%s asks for no wait',
  (header) => {
    expect(waitIn(header)).toBeUndefined();
  },
);
