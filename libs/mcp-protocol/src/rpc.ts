import type { JsonObject } from '@app/core';
import type { LogLevel } from './host.js';

/** Revisions in which every request stands alone. */
export const MODERN_VERSIONS: readonly string[] = ['2026-07-28'];
/** Revisions that begin with `initialize`, newest first: the first is the answer to a version we do not know. */
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;

/** Names under which the modern era carries in `_meta` what a session carried before. */
export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** Least severe first. */
export const LOG_LEVELS: readonly LogLevel[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
];

export const RpcCode = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  refused: -32000,
  sessionNotFound: -32001,
  /** What a host throws; modern clients are told `invalidParams`, as their revision asks. */
  resourceNotFound: -32002,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
} as const;

/** A JSON-RPC error that the client is meant to see. Anything else that is thrown becomes an opaque -32603. */
export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: unknown,
  ) {
    super(message);
    this.name = 'RpcError';
  }
}

/** An error that has its own HTTP status, whatever the era. */
export class Refusal extends RpcError {
  constructor(
    readonly status: number,
    code: number,
    message: string,
    readonly headers?: Readonly<Record<string, string>>,
    data?: unknown,
  ) {
    super(code, message, data);
  }
}

export const invalidParams = (message: string): RpcError =>
  new RpcError(RpcCode.invalidParams, `Invalid params: ${message}`);

/** Why `request.signal` aborted, when the client said so; a client that is merely gone may come back. */
export const CANCELLED_BY_CLIENT = 'The client cancelled the request';

export type RequestId = string | number;
export const isRequestId = (id: unknown): id is RequestId => typeof id === 'string' || typeof id === 'number';

/** A message whose envelope was checked; what it is (request, notification, response) is still open. */
export interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: JsonObject;
  readonly result?: unknown;
  readonly error?: unknown;
}

export const resultMessage = (id: RequestId, result: JsonObject): JsonObject => ({ jsonrpc: '2.0', id, result });

export const errorMessage = (id: unknown, { code, message, data }: RpcError): JsonObject => ({
  jsonrpc: '2.0',
  id: isRequestId(id) ? id : null,
  error: { code, message, data },
});

export const notification = (method: string, params?: JsonObject): JsonObject => ({ jsonrpc: '2.0', method, params });
