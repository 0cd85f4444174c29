import { GetTaskRequest, SendMessageRequest } from '@a2a-js/sdk';
import type { JsonObject } from '@app/core';
import { expect, test } from 'vitest';
import type { AgentInterface, OutgoingMessage } from './model.js';
import { buildRequest, type Operation } from './requests.js';

const at = (version: AgentInterface['version'], binding: string, tenant?: string): AgentInterface => ({
  url: 'https://a.example/base/?key=1',
  version,
  binding,
  ...(tenant !== undefined && { tenant }),
});

const message: OutgoingMessage = {
  messageId: 'm1',
  contextId: 'c1',
  taskId: 't1',
  metadata: { skill: 'say' },
  parts: [
    { text: 'hi', metadata: { lang: 'en' } },
    { raw: 'aGk=', filename: 'hi.txt', mediaType: 'text/plain' },
    { url: 'https://b.example/f', mediaType: 'image/png' },
    { data: { a: 1 } },
    { data: [1] },
  ],
};
const send: Operation = { name: 'send', message, wait: false };
const bodyOf = (target: AgentInterface, operation: Operation) =>
  JSON.parse(buildRequest(target, operation).body ?? 'null') as {
    readonly message: JsonObject;
    readonly params: { readonly message: JsonObject; readonly configuration: JsonObject };
  };

test('1.0 over JSON-RPC: the official SDK reads what is sent', () => {
  const body = bodyOf(at('1.0', 'JSONRPC', 'acme'), send);
  expect(body).toMatchObject({ jsonrpc: '2.0', method: 'SendMessage', params: { tenant: 'acme' } });
  const read = SendMessageRequest.toJSON(SendMessageRequest.fromJSON(body.params));
  expect(read).toMatchObject({
    tenant: 'acme',
    message: { ...message, role: 'ROLE_USER' },
    configuration: { returnImmediately: true, historyLength: 100 },
  });
  const get = bodyOf(at('1.0', 'JSONRPC', 'acme'), { name: 'get', taskId: 't1' });
  expect(GetTaskRequest.toJSON(GetTaskRequest.fromJSON(get.params))).toEqual({
    tenant: 'acme',
    id: 't1',
    historyLength: 100,
  });
});

test('only 1.0 requests name their version: without the header it is 0.3', () => {
  expect(buildRequest(at('1.0', 'JSONRPC'), send).headers).toMatchObject({ 'a2a-version': '1.0' });
  expect(buildRequest(at('0.3', 'JSONRPC'), send).headers).not.toHaveProperty('a2a-version');
});

test('0.3 over JSON-RPC: parts have kinds, and data is always an object', () => {
  const body = bodyOf(at('0.3', 'JSONRPC'), send);
  expect(body).toMatchObject({ method: 'message/send', params: { configuration: { blocking: false } } });
  expect(body.params.message).toEqual({
    kind: 'message',
    role: 'user',
    messageId: 'm1',
    contextId: 'c1',
    taskId: 't1',
    metadata: { skill: 'say' },
    parts: [
      { kind: 'text', text: 'hi', metadata: { lang: 'en' } },
      { kind: 'file', file: { bytes: 'aGk=', name: 'hi.txt', mimeType: 'text/plain' } },
      { kind: 'file', file: { uri: 'https://b.example/f', mimeType: 'image/png' } },
      { kind: 'data', data: { a: 1 } },
      { kind: 'data', data: { value: [1] }, metadata: { data_part_compat: true } },
    ],
  });
});

test('0.3 over HTTP+JSON: the JSON of its protobuf', () => {
  expect(bodyOf(at('0.3', 'HTTP+JSON'), send).message).toMatchObject({
    role: 'ROLE_USER',
    content: [
      { text: 'hi' },
      { file: { fileWithBytes: 'aGk=', mimeType: 'text/plain' } },
      { file: { fileWithUri: 'https://b.example/f', mimeType: 'image/png' } },
      { data: { data: { a: 1 } } },
      { data: { data: { value: [1] } } },
    ],
  });
});

const task = (name: 'get' | 'cancel' | 'subscribe'): Operation => ({ name, taskId: 't/1' });

test.each<[AgentInterface, Operation, string]>([
  [at('1.0', 'HTTP+JSON'), send, 'POST /base/message:send?key=1'],
  [at('1.0', 'HTTP+JSON', 'a b'), { name: 'stream', message }, 'POST /base/a%20b/message:stream?key=1'],
  [at('1.0', 'HTTP+JSON'), task('get'), 'GET /base/tasks/t%2F1?key=1&historyLength=100'],
  [at('1.0', 'HTTP+JSON'), task('cancel'), 'POST /base/tasks/t%2F1:cancel?key=1'],
  [at('1.0', 'HTTP+JSON'), task('subscribe'), 'POST /base/tasks/t%2F1:subscribe?key=1'],
  [at('0.3', 'HTTP+JSON'), send, 'POST /base/v1/message:send?key=1'],
  [at('0.3', 'HTTP+JSON'), task('get'), 'GET /base/v1/tasks/t%2F1?key=1&historyLength=100'],
  [at('0.3', 'HTTP+JSON'), task('subscribe'), 'GET /base/v1/tasks/t%2F1:subscribe?key=1'],
  [at('1.0', 'JSONRPC'), task('get'), 'POST /base/?key=1'],
])('%o is asked %o with %s', (target, operation, expected) => {
  const { url, method } = buildRequest(target, operation);
  expect(`${method} ${url.replace('https://a.example', '')}`).toBe(expected);
});

test('a reply waits for its outcome', () => {
  const reply: Operation = { name: 'send', message, wait: true };
  expect(bodyOf(at('1.0', 'JSONRPC'), reply).params.configuration).not.toHaveProperty('returnImmediately');
  expect(bodyOf(at('0.3', 'JSONRPC'), reply).params.configuration.blocking).toBe(true);
});
