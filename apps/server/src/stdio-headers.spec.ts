import { expect, test } from 'vitest';
import { modernHeaders } from './stdio-headers.js';

const request = (method: string, params: object) => ({
  method,
  params: { ...params, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
});

test('a message without a version of its own belongs to the older revisions', () => {
  expect(modernHeaders({ method: 'tools/list', params: {} })).toBeUndefined();
  expect(modernHeaders({ id: 1, result: {} })).toBeUndefined();
});

test('the headers repeat the version, the method and the subject', () => {
  expect(modernHeaders(request('tools/list', {}))).toEqual({
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/list',
  });
  expect(modernHeaders(request('tools/call', { name: 'echo' }))).toMatchObject({ 'mcp-name': 'echo' });
  expect(modernHeaders(request('resources/read', { uri: 'a://b c' }))).toMatchObject({ 'mcp-name': 'a://b c' });
  expect(modernHeaders(request('tasks/get', { taskId: '7' }))).toMatchObject({ 'mcp-name': '7' });
});

test.each(['grüße', ' padded ', '', '=?base64?eA==?=', 'two\nlines'])('a header carries %j in base64', (name) => {
  const encoded = modernHeaders(request('tools/call', { name }))?.['mcp-name'] ?? '';
  const [, base64 = ''] = /^=\?base64\?(.*)\?=$/.exec(encoded) ?? [];
  expect(encoded).toMatch(/^=\?base64\?.*\?=$/);
  expect(Buffer.from(base64, 'base64').toString('utf8')).toBe(name);
});
