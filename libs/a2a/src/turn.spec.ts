import { expect, test } from 'vitest';
import type { AgentEvent, TaskState } from './model.js';
import { Turn } from './turn.js';

const task = (state: TaskState): AgentEvent => ({
  kind: 'task',
  taskId: 't',
  state,
  message: [{ text: 'Which colour?' }],
  artifacts: [],
  history: [],
});
const status = (state: TaskState): AgentEvent => ({ kind: 'status', taskId: 't', state });
const message: AgentEvent = { kind: 'message', parts: [{ text: 'hi' }] };

test.each<[TaskState, boolean]>([
  ['submitted', false],
  ['working', false],
  ['input-required', true],
  ['auth-required', true],
  ['completed', true],
  ['failed', true],
  ['rejected', true],
  ['canceled', true],
])('a task that is %s ends the turn: %s', (state, settled) => {
  const byStatus = new Turn();
  byStatus.take(status(state));
  expect([byStatus.settled, byStatus.taskId]).toEqual([settled, 't']);
  const byTask = new Turn();
  byTask.take(task(state));
  expect(byTask.settled).toBe(settled);
});

test('the question that a reply answers is not taken for a new one', () => {
  const turn = new Turn('t');
  expect(turn.take(task('input-required'))).toEqual({
    kind: 'task',
    taskId: 't',
    state: 'working',
    artifacts: [],
    history: [],
  });
  expect(turn.settled).toBe(false);
  turn.take(task('input-required'));
  expect(turn.settled).toBe(true);
});

test('a status that asks again settles a reply at once', () => {
  const turn = new Turn('t');
  turn.take(status('input-required'));
  expect(turn.settled).toBe(true);
});

test('a message is the whole answer, also to a reply', () => {
  for (const turn of [new Turn(), new Turn('t')]) {
    expect(turn.take(message)).toBe(message);
    expect(turn.settled).toBe(true);
  }
});

test('a message in the middle of a task is a word about that task', () => {
  const turn = new Turn();
  turn.take(task('working'));
  expect(turn.take(message)).toEqual({ kind: 'status', taskId: 't', state: 'working', message: [{ text: 'hi' }] });
  expect(turn.settled).toBe(false);
});
