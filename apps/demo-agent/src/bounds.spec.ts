import { expect, test } from 'vitest';
import { Ledger } from './ledger.js';
import { RecentTasks } from './recent-tasks.js';

test('an agent forgets its oldest tasks', () => {
  const tasks = new RecentTasks<{ id: string }>(2);
  for (const id of ['a', 'b', 'c']) tasks.save({ id });
  tasks.save({ id: 'b' });
  expect(tasks.load('a')).toBeUndefined();
  expect(tasks.newestFirst().map(({ id }) => id)).toEqual(['c', 'b']);
});

test('a ledger stays within 100,000 messages and keeps the newest', () => {
  const ledger = new Ledger();
  for (let n = 0; n <= 100_000; n += 1) ledger.heard({ messageId: `m${n}`, text: 'x'.repeat(600) });
  const { messages } = ledger.view();
  expect(messages.length).toBeLessThanOrEqual(100_000);
  expect(messages.at(-1)).toMatchObject({ messageId: 'm100000', text: 'x'.repeat(500) });
});
