import { expect, test } from 'vitest';
import { Feed, type Following } from './feed.js';
import type { TaskEvent, TaskView } from './task-event.js';
import type { TaskRow } from './task-row.js';

const at = new Date(0);
const rowAt = (last_seq: number, rested = false) => ({ id: 't', last_seq, rested_at: rested ? at : null }) as TaskRow;
const status = (seq: number): TaskEvent => ({ taskId: 't', seq, at, kind: 'status', state: 'working' });
const viewAt = (lastSeq: number, state: TaskView['state']) =>
  ({ taskId: 't', lastSeq, state, updatedAt: at }) as TaskView;
const resultAt = (lastSeq: number, state: TaskView['state'] = 'completed'): TaskEvent => ({
  taskId: 't',
  seq: lastSeq,
  at,
  kind: 'result',
  task: viewAt(lastSeq, state),
});

/** What is stored: numbers 1 to `stored`, then the task as it is. */
const feedOf = (row: TaskRow, stored = row.last_seq, state: TaskView['state'] = 'completed') =>
  new Feed(row, {
    page: (_, after, before) =>
      Promise.resolve(
        Array.from({ length: Math.max(Math.min(before - 1, stored) - after, 0) }, (_unused, i) =>
          status(after + 1 + i),
        ),
      ),
    view: () => Promise.resolve({ task: viewAt(row.last_seq, state), resting: row.rested_at !== null }),
  });

async function read(feed: Feed, following: Omit<Following, 'signal'> = {}, within = 50): Promise<string[]> {
  const seen: string[] = [];
  for await (const { kind, seq } of feed.read({ ...following, signal: AbortSignal.timeout(within) }))
    seen.push(`${kind} ${seq}`);
  return seen;
}

test('what is stored comes first, then what happens, then the result', async () => {
  const feed = feedOf(rowAt(2));
  const seen = read(feed);
  feed.add([status(3)], false);
  feed.add([status(4), resultAt(5)], true, viewAt(5, 'completed'));
  expect(await seen).toEqual(['status 1', 'status 2', 'status 3', 'status 4', 'result 5']);
});

test('events that were told already, or come twice, are told once', async () => {
  const feed = feedOf(rowAt(2));
  const seen = read(feed, { from: 3 });
  feed.add([status(2), status(3)], false);
  feed.add([status(3), status(4), resultAt(5)], true, viewAt(5, 'completed'));
  expect(await seen).toEqual(['status 4', 'result 5']);
});

test('a gap is read from the rows', async () => {
  const feed = feedOf(rowAt(1), 9);
  const seen = read(feed, { from: 1 });
  feed.add([status(4), resultAt(5)], true, viewAt(5, 'completed'));
  expect(await seen).toEqual(['status 2', 'status 3', 'status 4', 'result 5']);
});

test('whoever is far behind loses nothing', async () => {
  const feed = feedOf(rowAt(0), 5_000);
  for (let seq = 1; seq <= 5_000; seq++) feed.add([status(seq)], false);
  feed.add([resultAt(5_001)], true, viewAt(5_001, 'completed'));
  expect(await read(feed, {}, 5_000)).toHaveLength(5_001);
});

test('a turn that is over is not the end when another follows', async () => {
  const feed = feedOf(rowAt(1));
  feed.add([resultAt(2, 'input-required')], true, viewAt(2, 'input-required'));
  expect(await read(feed)).toEqual(['status 1', 'result 2']);
  expect(await read(feed, { from: 2 })).toEqual([]);
  feed.seen(rowAt(2));
  const seen = read(feed);
  feed.add([status(3), resultAt(4)], true, viewAt(4, 'completed'));
  expect(await seen).toEqual(['status 1', 'status 3', 'result 4']);
});

test('events that are gone are replaced by a snapshot, with true numbers', async () => {
  expect(await read(feedOf(rowAt(9, true), 0), { from: 3 })).toEqual(['snapshot 8', 'result 9']);
  expect(await read(feedOf(rowAt(9, true), 0), { from: 9 })).toEqual(['result 9']);
});
