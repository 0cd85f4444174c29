import { expect, test } from 'vitest';
import { dueAt, dueOutcomes } from './deadlines.js';
import type { Frame } from './frame.js';

const at = (second: number): string => new Date(Date.UTC(2027, 0, 1, 0, 0, second)).toISOString();
const task = (key: string, deadline: number) => ({
  task: `/do/0/${key}`,
  key,
  raw: {},
  input: {},
  startedAt: at(0),
  deadline: at(deadline),
});
const waiting: Frame = {
  v: 1,
  id: '',
  parent: null,
  stack: [
    { ...task('outer', 20), list: '/do/0/outer/do', index: 0 },
    { ...task('inner', 10), list: '/do/0/inner/do', index: 0 },
  ],
  leaf: { ...task('wait', 30), effect: { kind: 'wait', until: at(40) } },
  data: {},
  count: 0,
  forks: 0,
};
const due = (second: number) => dueOutcomes([waiting], new Date(at(second))).map(({ outcome }) => outcome);

test('what is due first is what the run looks at next', () => {
  expect(dueAt([waiting])).toEqual(new Date(at(10)));
  expect(due(9)).toEqual([]);
  expect(due(10)).toEqual([{ kind: 'timeout', key: 'inner' }]);
});

test('of time-outs that have passed the outermost ends all within, so that nothing within catches its own any more', () => {
  expect(due(20)).toEqual([{ kind: 'timeout', key: 'outer' }]);
  expect(due(50)).toEqual([{ kind: 'timeout', key: 'outer' }]);
});

test('a thread that has ended waits for nothing', () => {
  const over: Frame = { ...waiting, end: { output: {} } };
  expect(dueAt([over])).toBeUndefined();
  expect(dueOutcomes([over], new Date(at(50)))).toEqual([]);
});
