import { expect, test } from 'vitest';
import type { AgentEvent, Part } from './model.js';
import { answerParts, EMPTY_SNAPSHOT, foldEvent } from './snapshot.js';

const fold = (events: AgentEvent[]) => events.reduce(foldEvent, EMPTY_SNAPSHOT);
const status = (state: 'working' | 'completed', text?: string): AgentEvent => ({
  kind: 'status',
  taskId: 't',
  state,
  ...(text !== undefined && { message: [{ text }] }),
});
const artifact = (artifactId: string, parts: Part[], append = false): AgentEvent => ({
  kind: 'artifact',
  taskId: 't',
  artifact: { artifactId, parts },
  append,
  lastChunk: false,
});
const task = (event: Partial<AgentEvent & { kind: 'task' }>): AgentEvent => ({
  kind: 'task',
  taskId: 't',
  state: 'working',
  artifacts: [],
  history: [],
  ...event,
});

test('chunks are appended to their artifact, and neighbouring texts become one', () => {
  const snapshot = fold([
    artifact('a', [{ text: 'Hel' }]),
    artifact('b', [{ data: { n: 1 } }]),
    artifact('a', [{ text: 'lo' }, { text: '' }, { raw: 'aGk=' }], true),
    artifact('a', [{ text: ' you' }, { text: 'thought', metadata: { thought: true } }], true),
    artifact('new', [{ text: 'appended to nothing' }], true),
  ]);
  expect(snapshot.artifacts).toEqual([
    {
      artifactId: 'a',
      parts: [{ text: 'Hello' }, { raw: 'aGk=' }, { text: ' you' }, { text: 'thought', metadata: { thought: true } }],
    },
    { artifactId: 'b', parts: [{ data: { n: 1 } }] },
    { artifactId: 'new', parts: [{ text: 'appended to nothing' }] },
  ]);
});

test('an artifact that is not appended to is replaced', () => {
  expect(fold([artifact('a', [{ text: 'draft' }]), artifact('a', [{ text: 'final' }])]).artifacts).toEqual([
    { artifactId: 'a', parts: [{ text: 'final' }] },
  ]);
});

test('a task as a whole replaces what was known', () => {
  const snapshot = fold([
    { ...status('working', 'old'), contextId: 'c' },
    artifact('a', [{ text: 'old' }]),
    task({ state: 'completed', artifacts: [{ artifactId: 'z', parts: [{ text: 'n' }, { text: 'ew' }] }] }),
  ]);
  expect(snapshot).toMatchObject({ taskId: 't', contextId: 'c', state: 'completed', history: [] });
  expect(snapshot.artifacts).toEqual([{ artifactId: 'z', parts: [{ text: 'new' }] }]);
});

test('the answer is the artifacts, else the status message, else what was said along the way', () => {
  const talk = [status('working', 'The sky '), status('working', 'is blue.'), status('completed')];
  expect(answerParts(fold(talk))).toEqual([{ text: 'The sky is blue.' }]);
  expect(answerParts(fold([...talk, status('completed', 'Done')]))).toEqual([{ text: 'Done' }]);
  expect(answerParts(fold([...talk, artifact('a', [{ text: 'Blue' }]), status('completed', 'Done')]))).toEqual([
    { text: 'Blue' },
  ]);
  expect(answerParts(fold([task({ history: [[{ text: 'From history' }]] })]))).toEqual([{ text: 'From history' }]);
  expect(answerParts(EMPTY_SNAPSHOT)).toEqual([]);
});

test('a direct message completes the exchange without a task', () => {
  const snapshot = fold([{ kind: 'message', contextId: 'c', parts: [{ text: 'hi' }] }]);
  expect(snapshot).toMatchObject({ state: 'completed', contextId: 'c', message: [{ text: 'hi' }] });
  expect(snapshot.taskId).toBeUndefined();
});

test('an agent that talks for ever fills nothing', () => {
  let snapshot = EMPTY_SNAPSHOT;
  for (let i = 0; i < 5_000; i += 1) snapshot = foldEvent(snapshot, status('working', 'x'.repeat(10_000)));
  expect(snapshot.history.length).toBe(100);
  expect(snapshot.length).toBe(1_000_000);
});

test('an answer of more than 16 Mi characters is refused, in one piece and in many', () => {
  const megabyte = 'x'.repeat(1024 * 1024);
  const tooLarge = expect.objectContaining({ code: 'too_large' });
  expect(() => fold([task({ artifacts: [{ artifactId: 'a', parts: [{ raw: megabyte.repeat(17) }] }] })])).toThrow(
    tooLarge,
  );
  const chunks = (count: number) => Array.from({ length: count }, () => artifact('a', [{ text: megabyte }], true));
  expect(answerParts(fold(chunks(15)))[0]?.text?.length).toBe(15 * 1024 * 1024);
  expect(() => fold(chunks(17))).toThrow(tooLarge);
});

test('replacing an artifact over and over does not count twice', () => {
  const large = 'x'.repeat(10 * 1024 * 1024);
  expect(fold([artifact('a', [{ text: large }]), artifact('a', [{ text: large }])]).artifacts).toHaveLength(1);
});
