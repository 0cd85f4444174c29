import { randomUUID } from 'node:crypto';
import type { Random } from '../random.js';

/** A key that no schema knows. */
export const UNKNOWN_KEY = 'zz-nobody-knows-this';

const TEXTS = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  'ß'.repeat(300),
  '../../etc/passwd',
  '%00',
  "' or 1=1 --",
  '${jndi:x}',
  '<b>',
  '-1',
  'null',
];
const NUMBERS = [0, -1, 1.5, 2 ** 31, 2 ** 53, 1e308, -0];

export const garbageText = (random: Random): string => random.pick(TEXTS);

/** Any JSON value, nested now and then. */
export function garbage(random: Random, depth = 3): unknown {
  const kinds: (() => unknown)[] = [
    () => garbageText(random),
    () => random.pick(NUMBERS),
    () => random.pick([true, false, null]),
    () => Array.from({ length: random.int(0, 3) }, () => (depth > 0 ? garbage(random, depth - 1) : null)),
    () => garbageObject(random, depth - 1),
  ];
  return random.pick(kinds)();
}

export function garbageObject(random: Random, depth = 2): Record<string, unknown> {
  const keys = [UNKNOWN_KEY, '__proto__', 'constructor', 'jsonrpc', 'id', 'method', 'params', ''];
  // `__proto__` as a key of its own, as JSON brings it.
  const members = Array.from({ length: random.int(0, 3) }, () => [
    random.pick(keys),
    depth > 0 ? garbage(random, depth) : 1,
  ]);
  return Object.fromEntries(members) as Record<string, unknown>;
}

/** What is never a string, a list or a word of a list. */
export const notAString = (random: Random): unknown => random.pick([5, -1.5, true, {}, [], null, [['x']], { x: 1 }]);
export const notAnObject = (random: Random): unknown => random.pick([5, true, 'x', [], [{}], null]);
export const notABoolean = (random: Random): unknown => random.pick([5, 'x', {}, [], null]);
export const notAList = (random: Random): unknown => random.pick([5, true, 'x', {}, null]);

export const deep = (depth: number): string => `${'{"x":'.repeat(depth)}1${'}'.repeat(depth)}`;

/** Text that is not JSON, or none that anybody wants to read. */
export function brokenJson(random: Random): string {
  return random.pick([
    '{',
    '{"a":',
    '[1,2',
    'nul',
    '{"a":1}}',
    "{'a':1}",
    '{"a":01}',
    '"\\x"',
    '\u0000',
    deep(20_000),
    '[['.repeat(5_000),
  ]);
}

/** The id of nothing: unknown, or none at all. */
export function wrongId(random: Random): string {
  const shapes = [
    'x',
    '..',
    '%00',
    '%2e%2e%2f',
    '%F0%9F%92%A9',
    'a'.repeat(3_000),
    '00000000-0000-0000-0000-000000000000',
    '-1',
    'undefined',
    '%ff',
  ];
  return random.chance(0.4) ? randomUUID() : random.pick(shapes);
}
