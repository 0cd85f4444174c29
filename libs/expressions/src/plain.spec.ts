import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { JqPool } from './jq-pool.js';
import { evaluatePlain, NOT_PLAIN } from './plain.js';
import { evaluating, Input, namesIn, resultOf } from './program.js';
import type { Scope } from './scope.js';

const jq = new JqPool(new URL('./jq-worker.js', import.meta.url));
afterAll(() => jq.close());

async function byJq(expression: string, scope: Scope): Promise<unknown> {
  const names = namesIn(expression, Object.keys(scope.variables));
  const input = new Input(scope);
  const program = evaluating(expression, names);
  return resultOf(expression, await jq.run({ program, input: () => input.textFor(expression, names) }));
}

const KEYS = ['a', 'b', 'and', '__proto__', 'a b', 'constructor', 'é', ''];
const IDENTIFIERS = ['a', 'b', 'and', '__proto__', 'constructor'];
const { json } = fc.letrec((tie) => ({
  json: fc.oneof({ maxDepth: 3, withCrossShrink: true }, tie('scalar'), tie('array'), tie('object')),
  scalar: fc.oneof(
    fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 100, 1e17, '', 'a', 'b', '\uffe0', '😀'),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.string({ unit: 'grapheme' }),
  ),
  array: fc.array(tie('json'), { maxLength: 3 }),
  object: fc.dictionary(fc.constantFrom(...KEYS), tie('json'), { maxKeys: 5, noNullPrototype: true }),
}));
const step = fc.oneof(
  fc.constantFrom(...IDENTIFIERS).map((name) => `.${name}`),
  fc.constantFrom(...KEYS).map((key) => `.${JSON.stringify(key)}`),
  fc.constantFrom(...KEYS).map((key) => `[${JSON.stringify(key)}]`),
  fc.integer({ min: -4, max: 4 }).map((index) => `[${index}]`),
  fc.constant('.[0]'),
);
const path = fc
  .tuple(fc.constantFrom('.', '$item', '$context', '$nobody'), fc.array(step, { maxLength: 4 }))
  .map(([from, steps]) => (from === '.' && steps[0]?.startsWith('.') ? steps.join('') : from + steps.join('')));
const literal = fc.oneof(
  fc.constantFrom(
    'true',
    'false',
    'null',
    '0',
    '-0',
    '1.50',
    '-1',
    '100',
    '1e2',
    '100000000000000001',
    '"a"',
    '"é"',
    '"\\n"',
    '"😀"',
    '[]',
    '{}',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.string().map((text) => JSON.stringify(text)),
);
const operator = fc.constantFrom('==', ' != ', '<', ' <= ', '>', '>= ');
const term = fc.oneof(path, literal);
const expression = fc.oneof(
  path,
  term,
  literal,
  fc.tuple(term, operator, term).map((parts) => parts.join('')),
);

test('whatever is evaluated without jq gives what jq gives', async () => {
  let [plain, all] = [0, 0];
  await fc.assert(
    fc.asyncProperty(expression, json, json, json, async (text, data, item, context) => {
      const scope = { data, variables: { item, context } };
      all++;
      const result = evaluatePlain(text, scope);
      if (result === NOT_PLAIN) return;
      plain++;
      // Written and read once, as jq's is: -0 is 0 in JSON.
      expect(JSON.parse(JSON.stringify(result)), text).toEqual(JSON.parse(JSON.stringify(await byJq(text, scope))));
    }),
    { numRuns: 1_000 },
  );
  // It would be a poor proof were nearly everything left to jq.
  expect(plain / all).toBeGreaterThan(0.3);
});

test.each([
  '.',
  '.a',
  '."a b".c[0]',
  '.["a"][-1]',
  '$item',
  '$item.a',
  '$item[0].["b"]',
  'null',
  '"text"',
  '-1.5',
  '.a == "x"',
  '$item<=1',
])('%s needs no thread', (text) => {
  expect(evaluatePlain(text, { data: { a: null }, variables: { item: null } })).not.toBe(NOT_PLAIN);
});

test.each([
  '',
  '..',
  '.a.',
  '.a[',
  '. a',
  '[0]',
  '.a b',
  '$__loc__',
  '$nobody',
  '1 == 1 == 1',
  '.a | .b',
  '"\\(1)"',
  '.a?',
  '.[1.5]',
  'nullish',
  '1a',
  '.0',
])('%j is left to jq', (text) => {
  expect(evaluatePlain(text, { data: null, variables: {} })).toBe(NOT_PLAIN);
});
