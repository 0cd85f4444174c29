import { isDeeperThan, isJsonObject, type JsonObject } from '@app/core';
import { LIMITS } from './limits.js';

/** What a client asks; without an id it wants no answer. */
export interface RpcRequest {
  readonly id?: string | number | null;
  readonly method: string;
  readonly params: JsonObject;
}

export const CODE = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** An expected failure; `data.code` says which. */
  failed: -32000,
} as const;

/** What the client is told instead of a result. */
export class RpcFailure extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: JsonObject,
  ) {
    super(message);
  }
}

/** The messages of one text; several are a batch. @throws RpcFailure */
export function messagesIn(text: string): unknown[] | JsonObject {
  const value = parsed(text);
  if (isJsonObject(value)) return value;
  if (!Array.isArray(value) || value.length === 0)
    throw new RpcFailure(CODE.invalidRequest, 'Invalid Request: expected an object, or an array of objects');
  if (value.length > LIMITS.batchMessages)
    throw new RpcFailure(CODE.invalidRequest, `Invalid Request: a batch has at most ${LIMITS.batchMessages} messages`);
  return value;
}

/** @throws RpcFailure */
export function requestIn(message: unknown): RpcRequest {
  const invalid = (what: string) => new RpcFailure(CODE.invalidRequest, `Invalid Request: ${what}`);
  if (!isJsonObject(message)) throw invalid('expected an object');
  const { jsonrpc, id, method, params = {} } = message;
  if (jsonrpc !== '2.0') throw invalid('jsonrpc: expected "2.0"');
  if (typeof method !== 'string') throw invalid('method: expected a string');
  if (id !== undefined && !isId(id)) throw invalid('id: expected a string or a number');
  if (!isJsonObject(params)) throw new RpcFailure(CODE.invalidParams, 'Invalid params: expected an object');
  return { id, method, params };
}

export const idOf = (message: unknown): unknown => {
  const id = isJsonObject(message) ? message.id : undefined;
  return isId(id) ? id : null;
};

export const resultMessage = (id: unknown, result: unknown) => ({ jsonrpc: '2.0', id, result });

export const errorMessage = (id: unknown, { code, message, data }: RpcFailure) => ({
  jsonrpc: '2.0',
  id,
  error: { code, message, data },
});

const isId = (id: unknown): id is string | number | null =>
  typeof id === 'string' || typeof id === 'number' || id === null;

function parsed(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RpcFailure(CODE.parse, 'Parse error: the message is not valid JSON');
  }
  if (isDeeperThan(value, LIMITS.jsonDepth))
    throw new RpcFailure(CODE.invalidRequest, `Invalid Request: nested deeper than ${LIMITS.jsonDepth} levels`);
  return value;
}
