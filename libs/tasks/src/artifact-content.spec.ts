import { expect, test } from 'vitest';
import type { Part } from '@app/a2a';
import { contentOf } from './artifact-content.js';

const only = (part: Part, name?: string) => contentOf({ artifactId: 'a', name, parts: [part] });
const raw = Buffer.from('day,cm\n').toString('base64');

test('a single file is itself, for download', () => {
  expect(only({ raw, filename: 'day.csv', mediaType: 'text/csv' })).toEqual({
    bytes: Buffer.from('day,cm\n'),
    type: 'text/csv',
    disposition: 'attachment; filename="day.csv"',
  });
});

test.each([
  ['text/html; charset=utf-8', 'text/html; charset=utf-8'],
  ['image/svg+xml', 'image/svg+xml'],
  ['image/png\r\nset-cookie: a=b', 'application/octet-stream'],
  ['whatever', 'application/octet-stream'],
  [undefined, 'application/octet-stream'],
])('media type %j goes out as %s', (mediaType, type) => {
  expect(only({ raw, mediaType }).type).toBe(type);
});

test.each([
  [undefined, undefined, 'attachment'],
  [undefined, 'Report', 'attachment; filename="Report"'],
  ['../../etc/passwd', undefined, 'attachment; filename="passwd"'],
  ['C:\\temp\\a.txt', undefined, 'attachment; filename="a.txt"'],
  ['a"b\r\n.txt', undefined, `attachment; filename="a_b__.txt"; filename*=UTF-8''a%22b%0D%0A.txt`],
  [
    "Grüße (1)'.txt",
    undefined,
    `attachment; filename="Gr__e (1)'.txt"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%281%29%27.txt`,
  ],
])('filename %j, name %j: %s', (filename, name, disposition) => {
  expect(only({ raw, filename }, name).disposition).toBe(disposition);
});

test('a single text is plain text, whatever it calls itself', () => {
  expect(only({ text: '<b>ü</b>', mediaType: 'text/html' })).toEqual({
    bytes: Buffer.from('<b>ü</b>'),
    type: 'text/plain; charset=utf-8',
    disposition: 'inline',
  });
});

test('data is JSON; links, several parts and none are the artifact', () => {
  const json = (content: ReturnType<typeof contentOf>) => {
    expect(content.type).toBe('application/json');
    return JSON.parse(content.bytes.toString()) as unknown;
  };
  expect(json(only({ data: { a: [1] } }))).toEqual({ a: [1] });
  expect(json(only({ data: null }))).toBeNull();
  for (const parts of [[{ url: 'https://example.com/a' }], [{ text: 'a' }, { text: 'b' }], []])
    expect(json(contentOf({ artifactId: 'a', parts }))).toEqual({ artifactId: 'a', parts });
});
