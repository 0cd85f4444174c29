import { expect, test } from 'vitest';
import { lines } from './stdio-lines.js';

async function* chunked(text: string, size: number): AsyncIterable<Uint8Array> {
  const bytes = Buffer.from(text, 'utf8');
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

test.each([1, 2, 3, 7, 1_000])('splits at newlines only, in chunks of %d bytes', async (size) => {
  const found: string[] = [];
  for await (const line of lines(chunked('{"a":"grüße\u2028x"}\n\nlast', size))) found.push(line);
  expect(found).toEqual(['{"a":"grüße\u2028x"}', '', 'last']);
});
