import { expect, test } from 'vitest';
import { schemaState } from './schema-state.js';

test.each([
  [['one', 'two'], ['one', 'two'], 'current'],
  [['one', 'two'], ['one'], 'behind'],
  [['one'], ['one', 'two'], 'ahead'],
  [['one', 'two'], ['one', 'three'], 'behind'],
])('knowing %j, a schema with %j is %s', (known, applied, state) => {
  expect(schemaState(known, applied)).toBe(state);
});
