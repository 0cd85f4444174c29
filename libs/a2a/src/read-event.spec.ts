import { StreamResponse } from '@a2a-js/sdk';
import { expect, test } from 'vitest';
import { type Reading, readEvent } from './read-event.js';
import { readState } from './states.js';

const current: Reading = { version: '1.0' };
const legacy: Reading = { version: '0.3' };

/** What the official SDK puts on the 1.0 wire. */
const onTheWire = (response: unknown) => StreamResponse.toJSON(StreamResponse.fromJSON(response));
const partsOf = (event: ReturnType<typeof readEvent>) => (event?.kind === 'message' ? event.parts : undefined);

test('a 1.0 task is read with all kinds of parts', () => {
  const wire = onTheWire({
    task: {
      id: 't1',
      contextId: 'c1',
      status: { state: 'TASK_STATE_INPUT_REQUIRED', message: { role: 'ROLE_AGENT', parts: [{ text: 'Which one?' }] } },
      artifacts: [
        {
          artifactId: 'a1',
          name: 'Report',
          description: 'All of it',
          parts: [
            { text: 'words', mediaType: 'text/markdown', metadata: { note: 1 } },
            { data: [1, { deep: null }] },
            { raw: 'aGk=', filename: 'hi.txt', mediaType: 'text/plain' },
            { url: 'https://a.example/f', filename: 'f' },
          ],
        },
      ],
      history: [
        { role: 'ROLE_USER', parts: [{ text: 'first' }] },
        { role: 'ROLE_AGENT', parts: [{ text: 'answered long ago' }] },
        { role: 'ROLE_USER', parts: [{ text: 'second' }] },
        { role: 'ROLE_AGENT', parts: [{ text: 'thinking' }] },
      ],
    },
  });
  expect(readEvent(wire, current)).toEqual({
    kind: 'task',
    taskId: 't1',
    contextId: 'c1',
    state: 'input-required',
    message: [{ text: 'Which one?' }],
    artifacts: [
      {
        artifactId: 'a1',
        name: 'Report',
        description: 'All of it',
        parts: [
          { text: 'words', mediaType: 'text/markdown', metadata: { note: 1 } },
          { data: [1, { deep: null }] },
          { raw: 'aGk=', filename: 'hi.txt', mediaType: 'text/plain' },
          { url: 'https://a.example/f', filename: 'f' },
        ],
      },
    ],
    history: [[{ text: 'thinking' }]],
  });
});

test('1.0 updates and messages are read', () => {
  const status = { taskId: 't', contextId: 'c', status: { state: 'TASK_STATE_WORKING' } };
  const artifact = {
    taskId: 't',
    artifact: { artifactId: 'a', parts: [{ text: 'x' }] },
    append: true,
    lastChunk: true,
  };
  expect(readEvent(onTheWire({ statusUpdate: status }), current)).toEqual({
    kind: 'status',
    taskId: 't',
    contextId: 'c',
    state: 'working',
  });
  expect(readEvent(onTheWire({ artifactUpdate: artifact }), current)).toEqual({ kind: 'artifact', ...artifact });
  expect(readEvent(onTheWire({ message: { contextId: 'c', parts: [{ text: 'hi' }] } }), current)).toEqual({
    kind: 'message',
    contextId: 'c',
    parts: [{ text: 'hi' }],
  });
});

test('0.3 objects with a kind are read with all kinds of parts', () => {
  const message = {
    kind: 'message',
    role: 'agent',
    parts: [
      { kind: 'text', text: 'words', metadata: { thought: true } },
      { kind: 'file', file: { bytes: 'aGk=', name: 'hi.txt', mimeType: 'text/plain' } },
      { kind: 'file', file: { uri: 'https://a.example/f' } },
      { kind: 'data', data: { data: { kept: 'as it is' } } },
      { kind: 'data', data: { value: [1] }, metadata: { data_part_compat: true, note: 1 } },
      { kind: 'hologram' },
    ],
  };
  expect(partsOf(readEvent(message, legacy))).toEqual([
    { text: 'words', metadata: { thought: true } },
    { raw: 'aGk=', filename: 'hi.txt', mediaType: 'text/plain' },
    { url: 'https://a.example/f' },
    { data: { data: { kept: 'as it is' } } },
    { data: [1], metadata: { note: 1 } },
  ]);
  expect(
    readEvent({ kind: 'status-update', taskId: 't', status: { state: 'completed' }, final: true }, legacy),
  ).toEqual({ kind: 'status', taskId: 't', state: 'completed' });
});

test('0.3 over HTTP+JSON is read: the JSON of its protobuf', () => {
  const content = [
    { text: 'words' },
    { file: { fileWithBytes: 'aGk=', mimeType: 'text/plain' } },
    { file: { fileWithUri: 'https://a.example/f' } },
    { data: { data: { a: 1 } } },
  ];
  const parts = [
    { text: 'words' },
    { raw: 'aGk=', mediaType: 'text/plain' },
    { url: 'https://a.example/f' },
    { data: { a: 1 } },
  ];
  expect(partsOf(readEvent({ msg: { role: 'ROLE_AGENT', content } }, legacy))).toEqual(parts);
  expect(
    readEvent({ task: { id: 't', status: { state: 'TASK_STATE_CANCELLED', message: { content } } } }, legacy),
  ).toMatchObject({ state: 'canceled', message: parts });
});

test('an agent without kinds is understood by the shape of what it sends', () => {
  const task = {
    id: 't',
    status: { state: 'completed', message: { role: 'agent', parts: [{ text: 'done' }] } },
    history: [
      { role: 'USER', parts: [{ text: 'hi' }] },
      { role: 'user', parts: [{ text: 'hi' }] },
      { role: 'assistant', parts: [{ type: 'text', text: 'done' }] },
    ],
  };
  expect(readEvent(task, legacy)).toMatchObject({
    kind: 'task',
    state: 'completed',
    message: [{ text: 'done' }],
    history: [[{ text: 'done' }]],
  });
  expect(readEvent({ taskId: 't', status: { state: 'working' } }, legacy)).toMatchObject({ kind: 'status' });
  expect(readEvent({ status: { state: 'working' } }, { ...legacy, taskId: 't' })).toMatchObject({ taskId: 't' });
  expect(readEvent({ role: 'agent', parts: [{ text: 'x' }] }, legacy)).toMatchObject({ kind: 'message' });
  expect(readEvent({ taskId: 't', artifact: { parts: [{ text: 'x' }] } }, legacy)).toMatchObject({
    artifact: { artifactId: 'artifact-1', parts: [{ text: 'x' }] },
  });
});

test('a status message that is a mere string is taken as text', () => {
  expect(
    readEvent({ kind: 'task', id: 't', status: { state: 'input_required', message: 'Which?' } }, legacy),
  ).toMatchObject({ state: 'input-required', message: [{ text: 'Which?' }] });
});

test('artifacts without an id are told apart by name, else by place', () => {
  const artifacts = [{ parts: [] }, { name: 'Report', parts: [] }, { parts: [] }];
  const event = readEvent({ kind: 'task', id: 't', status: { state: 'working' }, artifacts }, legacy);
  expect(event?.kind === 'task' && event.artifacts.map(({ artifactId }) => artifactId)).toEqual([
    'artifact-1',
    'Report',
    'artifact-3',
  ]);
});

test.each([null, 'text', 7, [], {}, { kind: 'constructor' }, { kind: 'task' }, { status: { state: 'working' } }])(
  'what is no event is none (%#)',
  (value) => expect(readEvent(value, legacy)).toBeUndefined(),
);

test.each([
  ['TASK_STATE_AUTH_REQUIRED', 'auth-required'],
  ['TASK_STATE_CANCELLED', 'canceled'],
  ['TASK_STATE_UNSPECIFIED', 'working'],
  ['input_required', 'input-required'],
  ['rejected', 'rejected'],
  ['unknown', 'working'],
  [undefined, 'working'],
])('the state %s is %s', (spelled, state) => expect(readState(spelled)).toBe(state));

test('nothing that cannot be stored comes through, and nothing too deep', () => {
  let deep: unknown = 'bottom';
  for (let depth = 0; depth < 5_000; depth += 1) deep = [deep];
  const parts = [{ text: 'a\0b\uD800c 😀' }, { data: { 'k\0': '\uDC00' } }, { data: deep }];
  const read = partsOf(readEvent({ message: { parts } }, current));
  expect(read?.slice(0, 2)).toEqual([{ text: 'a\uFFFDb\uFFFDc 😀' }, { data: { 'k\uFFFD': '\uFFFD' } }]);
  expect(JSON.stringify(read?.[2])).toContain('[null]');
});
