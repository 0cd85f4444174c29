import { expect, test } from 'vitest';
import { type AgentEvent, EMPTY_SNAPSHOT, foldEvent, type TaskSnapshot } from '@app/a2a';
import { foldStored, storedEvent, wholeSnapshot } from './stored-event.js';

const taskId = 'upstream';
const said = (text: string) => [{ text }];
const chunk = (text: string, append: boolean): AgentEvent => ({
  kind: 'artifact',
  taskId,
  artifact: { artifactId: 'a', parts: said(text) },
  append,
  lastChunk: false,
});

const TURNS: Record<string, AgentEvent[]> = {
  'a stream': [
    { kind: 'task', taskId, state: 'submitted', artifacts: [], history: [] },
    { kind: 'status', taskId, state: 'working', message: said('one') },
    chunk('Hello ', false),
    chunk('world', true),
    { kind: 'status', taskId, state: 'working', message: said('two') },
  ],
  'an agent that is polled': [
    { kind: 'task', taskId, state: 'working', message: said('one'), artifacts: [], history: [] },
    {
      kind: 'task',
      taskId,
      state: 'working',
      message: said('two'),
      artifacts: [{ artifactId: 'a', parts: said('half') }],
      history: [said('one')],
    },
  ],
  'a replacement': [chunk('first', false), chunk('second', false)],
};

test.each(Object.keys(TURNS))('%s folds to the same from its stored events', (name) => {
  let live: TaskSnapshot = EMPTY_SNAPSHOT;
  let stored: TaskSnapshot = EMPTY_SNAPSHOT;
  for (const event of TURNS[name] ?? []) {
    const before = live;
    live = foldEvent(before, event);
    const row = storedEvent(event, before, live);
    stored = foldStored(stored, { ...row, body: JSON.parse(JSON.stringify(row.body)) as object });
  }
  const { taskId: _, ...expected } = live;
  expect(stored).toMatchObject(JSON.parse(JSON.stringify(expected)) as object);
});

test('kinds that a newer version writes are passed over', () => {
  expect(foldStored(EMPTY_SNAPSHOT, { at: new Date(), kind: 'usage', body: { tokens: 1 } })).toBe(EMPTY_SNAPSHOT);
});

test('what was stored counts again towards the limit of its size', () => {
  const artifacts = [{ artifactId: 'a', parts: said('x'.repeat(1_000)) }];
  expect(wholeSnapshot({ ...EMPTY_SNAPSHOT, artifacts }).length).toBeGreaterThan(1_000);
});
