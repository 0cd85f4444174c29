import { afterAll, describe, expect, test } from 'vitest';
import { ExpressionError } from './expression-error.js';
import { Expressions } from './expressions.js';

const expressions = new Expressions();
afterAll(() => expressions.onApplicationShutdown());

const DATA = {
  name: 'Ada',
  age: 36,
  tags: ['maths', 'poetry', 'maths'],
  address: { city: 'London', 'post code': 'W1', lines: null },
  orders: [
    { id: 1, price: 10, paid: true },
    { id: 2, price: 25.5, paid: false },
    { id: 3, price: 4, paid: true },
  ],
  'at.dot': { '': 'empty' },
};
const VARIABLES = {
  context: { user: { id: 7 } },
  item: 'x',
  index: 2,
  secrets: { token: 's3' },
  __proto: 1,
  'no-name': 2,
};
const scope = { data: DATA, variables: VARIABLES };

test.each<[string, unknown]>([
  // Paths.
  ['.', DATA],
  ['.name', 'Ada'],
  ['."name"', 'Ada'],
  ['.["name"]', 'Ada'],
  ['.address.city', 'London'],
  ['.address."post code"', 'W1'],
  ['.address.["post code"]', 'W1'],
  ['."at.dot"[""]', 'empty'],
  ['.orders[0].id', 1],
  ['.orders[-1].id', 3],
  ['.orders[9]', null],
  ['.orders[9].id.more', null],
  ['.nobody.knows[3]."it"', null],
  ['.constructor', null],
  ['.__proto__', null],
  ['.name?', 'Ada'],
  ['.name.first?', null],
  ['.orders[1:] | length', 2],
  ['.tags[:2]', ['maths', 'poetry']],
  ['..|numbers|select(. > 30)', 36],
  ['$context.user.id', 7],
  ['$context["user"].id', 7],
  ['$item', 'x'],
  ['$context | keys', ['user']],
  // Literals.
  ['true', true],
  ['null', null],
  ['-1.50', -1.5],
  ['"a b"', 'a b'],
  ['"\\u00e9\\n"', 'é\n'],
  ['[1, "b", {c: null}]', [1, 'b', { c: null }]],
  ['{name, "n": .age, (.name): $index, $item}', { name: 'Ada', n: 36, Ada: 2, item: 'x' }],
  ['"\\(.name) is \\(.age + 1)"', 'Ada is 37'],
  // Comparison and logic.
  ['.age == 36', true],
  ['.age != 36.0', false],
  ['.age<40', true],
  ['.name > 1', true],
  ['null < false', true],
  ['.nobody == null', true],
  ['"ﬀ" < "𝒳"', true],
  ['[] == []', true],
  ['.age > 30 and .name == "Ada"', true],
  ['.nobody // "nobody"', 'nobody'],
  ['(.orders | length) >= 3 | not', false],
  ['if .age >= 18 then "adult" elif .age > 12 then "teen" else "child" end', 'adult'],
  // Arithmetic and its like.
  ['.age / 4 - 1 * 2 % 3', 7],
  ['.tags - ["maths"]', ['poetry']],
  ['{a: {b: 1}} * {a: {c: 2}}', { a: { b: 1, c: 2 } }],
  ['"a,b" / ","', ['a', 'b']],
  ['10000000000000000000 + 1', 10000000000000000000],
  // Collections.
  ['.orders | map(select(.paid) | .price) | add', 14],
  ['[.orders[] | .id]', [1, 2, 3]],
  ['.orders[] | .id', 1],
  ['.orders[] | select(.id > 5)', null],
  ['.tags | unique', ['maths', 'poetry']],
  ['.orders | group_by(.paid) | map(length)', [1, 2]],
  ['.orders | max_by(.price).id', 2],
  ['.address | to_entries | map(.key)', ['city', 'post code', 'lines']],
  ['.address | del(.lines) | length', 2],
  ['.orders[0].price |= . * 2 | .orders[0].price', 20],
  ['.address.zip = 5 | .address.zip', 5],
  ['with_entries(select(.value | type == "number"))', { age: 36 }],
  ['reduce .orders[] as $o (0; . + $o.price)', 39.5],
  ['[foreach .orders[] as {$price} (0; . + $price)]', [10, 35.5, 39.5]],
  ['[limit(3; range(infinite))]', [0, 1, 2]],
  ['first(range(5; 10))', 5],
  ['.address | [paths]', [['city'], ['post code'], ['lines']]],
  ['.tags | index("poetry")', 1],
  ['has("name"), has("x")', true],
  ['any(.orders[]; .price > 20)', true],
  // Text.
  ['.name | ascii_downcase | test("^a")', true],
  ['"2026-11-28" | capture("(?<y>\\\\d+)-(?<m>\\\\d+)") | .m', '11'],
  ['"a-b-c" | gsub("-"; "+")', 'a+b+c'],
  ['.tags | join(" ")', 'maths poetry maths'],
  ['.name | @base64', 'QWRh'],
  ['"a b&c" | @uri', 'a%20b%26c'],
  ['[1,[2]] | tojson | fromjson', [1, [2]]],
  ['"2015-03-05T23:51:47Z" | fromdate', 1425599507],
  ['0 | todate', '1970-01-01T00:00:00Z'],
  ['now > 1700000000', true],
  // Control.
  ['try error("no") catch "caught: \\(.)"', 'caught: no'],
  ['def twice(f): f | f; 3 | twice(. * .)', 81],
  ['label $out | 1, break $out, 2', 1],
  ['. as {name: $n, orders: [$first]} | [$n, $first.id]', ['Ada', 1]],
  ['empty', null],
  ['halt', null],
  ['1, error("never asked for")', 1],
  ['.age # years', 36],
  ['input_filename', null],
  ['nan', null],
])('%s gives what jq gives', async (expression, result) => {
  expect(await expressions.evaluate(expression, scope)).toEqual(result);
  expect(await expressions.evaluate(`\${ ${expression}\n}`, scope)).toEqual(result);
});

test.each<[string, string, string]>([
  ['.name.first', 'failed', 'Cannot index string with string ("first")'],
  ['.age[0]', 'failed', 'Cannot index number with number (0)'],
  ['.tags["x"]', 'failed', 'Cannot index array with string ("x")'],
  ['.name + 1', 'failed', 'string ("Ada") and number (1) cannot be added'],
  ['error("my words")', 'failed', 'my words'],
  ['error({code: 4})', 'failed', '{"code":4}'],
  ['"bye" | halt_error', 'failed', 'bye'],
  ['.a[', 'syntax', 'syntax error, unexpected end of file at column 3'],
  ['1 +', 'syntax', 'syntax error, unexpected end of file at column 3'],
  ['.a\n| .b[', 'syntax', 'syntax error, unexpected end of file at line 2, column 5'],
  ['.a) | (.b', 'syntax', 'syntax error, unexpected character, expecting end of file at column 3'],
  ['$nobody.id', 'syntax', 'There is no variable $nobody; there are $context, $item, $index, $secrets'],
  ['nothing(1)', 'syntax', 'There is no function nothing/1'],
  ['import "m" as m; .', 'syntax', 'Modules (import, include, module) are not available'],
  ['include "m"; .', 'syntax', 'Modules (import, include, module) are not available'],
  ['  ', 'syntax', 'The expression is empty'],
  ['1 \0 2', 'syntax', 'The expression holds a NUL character'],
])('%s fails with kind %s: %s', async (expression, kind, message) => {
  const { context, item, index, secrets } = VARIABLES;
  const error = await expressions
    .evaluate(expression, { data: DATA, variables: { context, item, index, secrets } })
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ExpressionError);
  expect(error).toMatchObject({ kind, message, expression });
});

test('nothing of the environment is seen', async () => {
  process.env['EXPRESSIONS_SPEC'] = 'seen';
  expect(await expressions.evaluate('[env, $ENV, $ARGS.named, (try input catch 0)]', scope)).toEqual([{}, {}, {}, 0]);
  expect(await expressions.evaluate('$ENV', { data: null, variables: { ENV: 'a loop variable' } })).toBe(
    'a loop variable',
  );
});

test('values are filled at any depth, keep their type, and leave the rest as it is', async () => {
  const template = {
    whole: '${ .orders[0] }',
    block: '${ .age }\n',
    sum: '${ [.orders[].price] | add }',
    text: 'Dear ${ .name }, you are ${ .age + 1 } in ${ .address }${ .nobody }.',
    braces: '${ {a: "}"} | .a }',
    nested: [{ deep: ['${ $item }', 1, null, true] }],
    '${ .name }': 'a key stays',
    plain: 'costs $5 {really}',
    open: '${ .name',
    __proto: '${ .__proto__ }',
  };
  expect(await expressions.fill(template, scope)).toEqual({
    whole: DATA.orders[0],
    block: 36,
    sum: 39.5,
    text: 'Dear Ada, you are 37 in {"city":"London","post code":"W1","lines":null}null.',
    braces: '}',
    nested: [{ deep: ['x', 1, null, true] }],
    '${ .name }': 'a key stays',
    plain: 'costs $5 {really}',
    open: '${ .name',
    __proto: null,
  });
  await expect(expressions.fill(['${ .name }', { a: 'x ${ .name + 1 }' }], scope)).rejects.toMatchObject({
    kind: 'failed',
    expression: ' .name + 1 ',
  });
});

test('only false, null and nothing do not hold', async () => {
  const truth = await Promise.all(
    ['false', 'null', 'empty', '0', '""', '[]', '.age > 1', '${ .nobody }'].map((text) =>
      expressions.holds(text, scope),
    ),
  );
  expect(truth).toEqual([false, false, false, true, true, true, true, false]);
});

describe('checking', () => {
  test.each([
    ['.a | map(.b)', undefined],
    ['$a + $b', undefined],
    ['error("never run")', undefined],
    ['[range(infinite)]', undefined],
    ['def f: $a; f', undefined],
    ['. as $mine | $mine', undefined],
    ['Hello ${ .a } and ${ $b }', undefined],
    ['Hello ${ .a } and ${ $c }', 'There is no variable $c; there are $a, $b'],
    ['${ .a | nope }', 'There is no function nope/0'],
    ['.a) | (.b', 'syntax error, unexpected character, expecting end of file at column 3'],
    ['${ }', 'The expression is empty'],
    ['x'.repeat(70_000), 'The expression is longer than 65536 characters'],
  ])('%.40s', async (expression, complaint) => {
    expect(await expressions.check(expression, ['a', 'b'])).toBe(complaint);
  });

  test('says when there are no variables', async () => {
    expect(await expressions.check('$c', [])).toBe('There is no variable $c; there are none');
  });
});
