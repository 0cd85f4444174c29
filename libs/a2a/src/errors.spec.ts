import { expect, test } from 'vitest';
import { readAgentError } from './errors.js';

const info = {
  '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
  reason: 'TASK_NOT_FOUND',
  domain: 'a2a-protocol.org',
};

test.each([
  [{ jsonrpc: '2.0', error: { code: -32001, message: 'gone' } }, 'TASK_NOT_FOUND', 'not_found', -32001],
  [{ jsonrpc: '2.0', error: { code: -32000, message: 'gone', data: [info] } }, 'TASK_NOT_FOUND', 'not_found', -32000],
  [{ error: { code: 404, status: 'NOT_FOUND', message: 'gone', details: [info] } }, 'TASK_NOT_FOUND', 'not_found', 404],
  [{ code: -32002, message: 'over' }, 'TASK_NOT_CANCELABLE', 'conflict', -32002],
  [{ error: { code: -32602, message: 'no' } }, 'INVALID_PARAMS', 'invalid', -32602],
  [{ error: { code: 500, status: 'INTERNAL', message: 'no' } }, 'INTERNAL', 'unavailable', 500],
  [{ error: { message: 'no' } }, 'UNKNOWN', 'unavailable', undefined],
])('an error of either version and binding is read (%#)', (body, reason, code, agentCode) => {
  expect(readAgentError(body, 'a.example')).toMatchObject({ reason, code, agentCode, name: 'AgentError' });
});

test('the message names the agent and quotes it, shortly', () => {
  const error = readAgentError({ error: { code: -32603, message: `bad\0${'x'.repeat(1_000)}` } }, 'a.example');
  expect(error?.message).toMatch(/^The agent at a[.]example answered with an error: bad\uFFFDx+$/);
  expect(error?.message.length).toBeLessThan(600);
});

test.each([null, 'error', {}, { result: {} }, { error: null, result: 1 }, { error: 'text' }])(
  'what is no error is none (%#)',
  (body) => expect(readAgentError(body, 'a.example')).toBeUndefined(),
);
