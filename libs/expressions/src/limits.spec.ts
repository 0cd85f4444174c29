import { afterAll, expect, test } from 'vitest';
import { ExpressionError } from './expression-error.js';
import { Expressions } from './expressions.js';

const expressions = new Expressions();
afterAll(() => expressions.onApplicationShutdown());

const evaluate = (text: string, data: unknown = null, signal?: AbortSignal) =>
  expressions.evaluate(text, { data, variables: {} }, signal);
const wellAgain = async () => expect(await evaluate('.a | . + 1', { a: 1 })).toBe(2);

const ENDLESS = 'def f: f; f';
const TOO_LONG = 'It took longer than 250 ms';
const MEMORY = 'It needs more than 64 MiB of memory';
const DEEP = 'jq broke off: most likely a value nests too deeply';

test.each([
  [ENDLESS, 'timeout', TOO_LONG],
  ['last(repeat(1))', 'timeout', TOO_LONG],
  ['("a" * 40 + "b") | test("^(a|a)*$")', 'timeout', TOO_LONG],
  ['"x" * 1e9', 'too_large', MEMORY],
  ['def f: 1 + f; f', 'too_large', MEMORY],
  ['"x" * 2e6', 'too_large', 'It gives more than 1 MiB'],
  ['reduce range(40) as $i ("x"; [., .])', 'too_large', 'It gives more than 1 MiB'],
  ['reduce range(9000) as $i (0; [.])', 'failed', DEEP],
])('%s is stopped, and jq is well again', async (expression, kind, message) => {
  const error = await evaluate(expression).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ExpressionError);
  expect(error).toMatchObject({ kind, message, expression });
  await wellAgain();
});

test.each(['[range(1e9)]', '[range(infinite)] | length'])(
  '%s meets the limit of time or of memory',
  async (expression) => {
    await expect(evaluate(expression)).rejects.toMatchObject({
      kind: expect.stringMatching(/^(timeout|too_large)$/),
      message: expect.stringMatching(`^(${TOO_LONG}|${MEMORY})$`),
      expression,
    });
    await wellAgain();
  },
);

test('more input than jq shall read is refused; a plain path reads none, and neither do variables that are not named', async () => {
  const big = 'x'.repeat(1_100_000);
  await expect(evaluate('.big | length', { big })).rejects.toMatchObject({ kind: 'too_large' });
  expect(await evaluate('.big', { big })).toBe(big);
  expect(await expressions.evaluate('$item + 1', { data: null, variables: { big, item: 1 } })).toBe(2);
  await expect(evaluate(`"${'x'.repeat(70_000)}" | length`)).rejects.toMatchObject({ kind: 'too_large' });
});

test('data that is deep or no JSON fails alone', async () => {
  const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;
  await expect(evaluate('[.]', nested(2_000))).rejects.toMatchObject({ kind: 'failed' });
  await expect(evaluate('[.]', nested(12_000))).rejects.toMatchObject({ kind: 'failed' });
  expect(await evaluate('[.] | flatten', nested(200))).toEqual([]);
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  await expect(evaluate('length', cycle)).rejects.toMatchObject({ kind: 'failed' });
  await wellAgain();
});

test('of 200 in flight only the bad ones fail', async () => {
  const bad = new Map([
    [20, ENDLESS],
    [21, '"x" * 1e9'],
    [90, 'error("on purpose")'],
    [91, ENDLESS],
    [150, 'reduce range(9000) as $i (0; [.])'],
  ]);
  const all = await Promise.allSettled(
    Array.from({ length: 200 }, (_, n) => evaluate(bad.get(n) ?? '{n, square: (.n * .n)}', { n })),
  );
  const failed = all.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []));
  expect(failed).toEqual([...bad.keys()]);
  const values = all.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
  expect(values).toEqual(Array.from({ length: 200 }, (_, n) => ({ n, square: n * n })).filter(({ n }) => !bad.has(n)));
});

test('who gives up is told at once, whether waiting or running, and the others get their results', async () => {
  const reason = new Error('given up');
  await expect(evaluate('. + 1', 1, AbortSignal.abort(reason))).rejects.toBe(reason);
  await expect(evaluate('.', 1, AbortSignal.abort(reason))).rejects.toBe(reason);
  const giver = new AbortController();
  const running = [evaluate(ENDLESS, 0, giver.signal), evaluate(ENDLESS, 0, giver.signal)];
  const waiting = evaluate('. + 1', 2, giver.signal);
  const others = [3, 4].map((n) => evaluate('. + 1', n));
  giver.abort(reason);
  const given = await Promise.allSettled([...running, waiting]);
  expect(given).toEqual(given.map(() => ({ status: 'rejected', reason })));
  expect(await Promise.all(others)).toEqual([4, 5]);
});
