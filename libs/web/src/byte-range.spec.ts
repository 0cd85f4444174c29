import { expect, test } from 'vitest';
import { byteRange } from './byte-range.js';

test.each([
  ['bytes=0-3', { first: 0, last: 3 }],
  ['bytes=9-9', { first: 9, last: 9 }],
  ['bytes=4-', { first: 4, last: 9 }],
  ['bytes=4-4000', { first: 4, last: 9 }],
  ['bytes=-3', { first: 7, last: 9 }],
  ['bytes=-3000', { first: 0, last: 9 }],
  ['Bytes=0-0 ', { first: 0, last: 0 }],
])('%s of ten bytes', (header, range) => {
  expect(byteRange(header, 10)).toEqual(range);
});

test.each(['bytes=10-', 'bytes=10-12', 'bytes=-0', 'bytes=99999999999999999999-'])(
  '%s of ten bytes cannot be satisfied',
  (header) => {
    expect(byteRange(header, 10)).toBe('unsatisfiable');
  },
);

test.each([undefined, '', 'bytes=', 'bytes=-', 'bytes=5-4', 'bytes=0-1,3-4', 'items=0-1', 'bytes=a-b', 'bytes 0-1'])(
  '%s asks for everything',
  (header) => {
    expect(byteRange(header, 10)).toBeUndefined();
  },
);

test('nothing has no bytes to give', () => {
  expect(byteRange('bytes=0-', 0)).toBe('unsatisfiable');
  expect(byteRange('bytes=-5', 0)).toBe('unsatisfiable');
});
