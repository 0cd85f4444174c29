import { expect, test } from 'vitest';
import { readSse } from './sse.js';

/** The bytes of a text in pieces of that many. */
async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string, size = 1_000, limit = 1_000): Promise<string[]> {
  const events: string[] = [];
  for await (const event of readSse(pieces(text, size), limit)) events.push(event);
  return events;
}

const STREAM =
  ': hello\n\nevent: message\nid: 1\ndata: {"a":"ü😀"}\n\n' +
  'data:one\r\ndata: two\r\n\r\n\ndata: \x1e{}\n\nretry: 5\n\n';

test.each([1, 2, 3, 7, 1_000])('events are read whatever the pieces they come in (%i bytes)', async (size) => {
  expect(await read(STREAM, size)).toEqual(['{"a":"ü😀"}', 'one\ntwo', '{}']);
});

test('the last event counts even without its blank line', async () => {
  expect(await read('data: a\n\ndata: b\ndata: c')).toEqual(['a', 'b\nc']);
});

test.each([`data: ${'x'.repeat(1_001)}`, `data: ${'x'.repeat(1_001)}\n\n`, 'data: xxxxxxxxx\n'.repeat(101)])(
  'an event that is too large ends the stream (%#)',
  async (text) => {
    await expect(read(text, 100)).rejects.toMatchObject({ code: 'too_large' });
  },
);

test('whoever stops reading lets the body go', async () => {
  let released = false;
  async function* body() {
    try {
      for (;;) yield Buffer.from('data: x\n\n');
    } finally {
      released = true;
    }
  }
  for await (const _event of readSse(body(), 100)) break;
  expect(released).toBe(true);
});
