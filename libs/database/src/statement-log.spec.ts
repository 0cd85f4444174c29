import { expect, test } from 'vitest';
import { withoutValues } from './statement-log.js';

test('of a statement the text is kept and literals are not', () => {
  expect(withoutValues(`select *\n  from agents\n where name = 'it''s secret' and id = $1`)).toBe(
    'select * from agents where name = ? and id = $1',
  );
});

test('a long statement is cut', () => {
  expect(withoutValues(`select ${'column, '.repeat(500)}`)).toHaveLength(1_000);
});
