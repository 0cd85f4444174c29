import { expect, test } from 'vitest';
import { BoundedMap } from './bounded-map.js';

test('forgets its oldest entries beyond the bound; a set entry is the newest', () => {
  const map = new BoundedMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 3);
  map.set('c', 4);
  expect(['a', 'b', 'c'].map((key) => map.get(key))).toEqual([3, undefined, 4]);
  expect(map.size).toBe(2);
});

test('prunes stale entries from the oldest on', () => {
  const map = new BoundedMap<string, number>(5);
  for (const value of [1, 2, 9, 3]) map.set(`k${value}`, value);
  map.prune((value) => value < 5);
  expect(map.size).toBe(2);
  map.prune(() => true);
  expect(map.size).toBe(0);
});
