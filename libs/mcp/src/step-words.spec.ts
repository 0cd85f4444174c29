import { expect, test } from 'vitest';
import { stepWords } from './step-words.js';

const step = (what: string, task: string, detail?: Record<string, unknown>) =>
  stepWords({ type: `io.serverlessworkflow.${what}.v1`, task, frame: '', key: '#1', ...(detail && { detail }) }, 3);

test('a step is told with its name and its number', () => {
  expect(step('task.started', '/do/0/research')).toBe('research (1 of 3) has begun');
  expect(step('task.completed', '/do/2/tell~1all')).toBe('tell/all (3 of 3) is done');
  expect(step('task.skipped', '/do/1/review')).toBe('review (2 of 3) is skipped');
});

test('a task inside of another is told with that', () => {
  expect(step('task.started', '/do/1/both/fork/branches/0/ask')).toBe('ask in both (2 of 3) has begun');
  expect(step('task.compensation.started', '/do/0/book')).toBe('book (1 of 3) is being undone');
});

test('a failure is told with its reason, and a retry with its number', () => {
  const error = { type: 'https://example.com/no', status: 500, detail: 'nobody is there' };
  expect(step('task.faulted', '/do/0/ask', { error })).toBe('ask (1 of 3) failed: nobody is there');
  expect(step('task.faulted', '/do/0/ask')).toBe('ask (1 of 3) failed');
  expect(step('task.retried', '/do/0/ask', { attempt: 2 })).toBe('ask (1 of 3) is tried again, attempt 2');
});

test('a task of a function has no number, and a run none of these words', () => {
  expect(step('task.started', '/use/functions/greet')).toBe('greet has begun');
  expect(step('workflow.completed', '')).toBeUndefined();
  expect(step('task.dreamt', '/do/0/ask')).toBeUndefined();
});
