import { isJsonObject, type JsonObject } from '@app/core';

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';

/** Where a request names its subject. */
const NAMED: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

/** The headers that repeat a 2026-07-28 request's body; undefined for a message of the older revisions. */
export function modernHeaders(message: JsonObject): Record<string, string> | undefined {
  const params = isJsonObject(message.params) ? message.params : {};
  const version = isJsonObject(params._meta) ? params._meta[VERSION_KEY] : undefined;
  if (typeof version !== 'string' || typeof message.method !== 'string') return undefined;
  const subject = params[NAMED[message.method] ?? ''];
  return {
    'mcp-protocol-version': version,
    'mcp-method': message.method,
    ...(typeof subject === 'string' && { 'mcp-name': headerValue(subject) }),
  };
}

/** As it is, or in base64 between sentinels when a header could not carry it unchanged. */
function headerValue(text: string): string {
  const isPlain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?');
  return isPlain ? text : `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}
