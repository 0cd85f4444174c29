import { expect, test } from 'vitest';
import { isKnown } from './etag.js';

test.each(['"1"', 'W/"1"', '"0", "1"', '*', '"0",W/"1"'])('If-None-Match: %s knows "1"', (header) => {
  expect(isKnown(header, '"1"')).toBe(true);
});

test.each([undefined, '', '1', '"11"', '"0", "2"'])('If-None-Match: %s does not', (header) => {
  expect(isKnown(header, '"1"')).toBe(false);
});
