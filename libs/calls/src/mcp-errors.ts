import { DomainError } from '@app/core';
import { ProtocolError, SdkError, SdkErrorCode } from '@modelcontextprotocol/client';
import { CallError, type CallErrorKind } from './call-error.js';
import type { McpConnection } from './mcp-connection.js';
import type { Sent } from './sent.js';

/** JSON-RPC: what was asked for is not there, or not so. */
const WRONG_REQUESTS: ReadonlySet<number> = new Set([-32600, -32601, -32602]);

const KINDS: ReadonlyMap<number, CallErrorKind> = new Map([
  [401, 'authentication'],
  [403, 'authorization'],
]);

/** What the SDK throws, as an error of the workflow; what is neither ours nor the SDK's stays a bug. */
export function asMcpError(error: unknown, { status, failure }: McpConnection, host: string, sent: Sent): unknown {
  if (error instanceof CallError || error instanceof DomainError) return error;
  if (failure instanceof DomainError) return failure;
  const at = `The MCP server at ${host}`;
  if (ProtocolError.isInstance(error)) {
    const kind = WRONG_REQUESTS.has(error.code) ? 'validation' : 'communication';
    return new CallError(kind, `${at} answered with error ${error.code}: ${sent.excerpt(error.message)}`);
  }
  if (status !== undefined && status >= 400 && status !== 405)
    return new CallError(KINDS.get(status) ?? 'communication', `${at} answered HTTP ${status}`, { status });
  if (!SdkError.isInstance(error)) return error;
  if (error.code === SdkErrorCode.RequestTimeout) return new CallError('timeout', `${at} did not answer in time`);
  return new CallError('communication', `${at} does not speak MCP as expected: ${sent.excerpt(error.message)}`, {
    status: 502,
  });
}
