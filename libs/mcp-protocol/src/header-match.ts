import type { IncomingHttpHeaders } from 'node:http';
import { isJsonObject, type JsonObject } from '@app/core';
import { RpcCode, RpcError } from './rpc.js';

/** Methods whose requests name their subject in `Mcp-Name`, so that a gateway can route without reading bodies. */
const NAMED: Readonly<Record<string, { param: string; isRequired: boolean }>> = {
  'tools/call': { param: 'name', isRequired: true },
  'prompts/get': { param: 'name', isRequired: true },
  'resources/read': { param: 'uri', isRequired: true },
  'tasks/get': { param: 'taskId', isRequired: false },
  'tasks/update': { param: 'taskId', isRequired: false },
  'tasks/cancel': { param: 'taskId', isRequired: false },
};
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const SENTINEL = { start: '=?base64?', end: '?=' };

/** An argument that a tool wants repeated in `Mcp-Param-<header>`. */
interface HeaderParam {
  readonly path: readonly string[];
  readonly header: string;
}

/** By tool definition: a tool's schema is read once. */
const headerParams = new WeakMap<JsonObject, readonly HeaderParam[]>();

/** @throws RpcError when `MCP-Protocol-Version` is missing or contradicts the body. */
export function checkVersionHeader(header: string | string[] | undefined, version: string): void {
  if (header === undefined) throw mismatch('MCP-Protocol-Version is required');
  if (header !== version)
    throw mismatch(`MCP-Protocol-Version '${String(header)}' does not match the body's '${version}'`);
}

/** @throws RpcError when `Mcp-Method` or `Mcp-Name` is missing or contradicts the body. */
export function checkMethodHeaders(headers: IncomingHttpHeaders, method: string, params: JsonObject): void {
  const methodHeader = headers['mcp-method'];
  if (typeof methodHeader !== 'string' || methodHeader.trim() !== method) {
    throw mismatch(`Mcp-Method '${String(methodHeader)}' does not match the body's '${method}'`);
  }
  const named = Object.hasOwn(NAMED, method) ? NAMED[method] : undefined;
  if (!named) return;
  const expected = params[named.param];
  const header = headers['mcp-name'];
  const isMatch =
    expected === undefined ? header === undefined && !named.isRequired : decodeHeader(header) === expected;
  if (!isMatch) throw mismatch(`Mcp-Name '${String(header)}' does not match the body's '${String(expected)}'`);
}

/** @throws RpcError when an `Mcp-Param-*` header that the tool's schema asks for is missing or contradicts the arguments. */
export function checkParamHeaders(headers: IncomingHttpHeaders, definition: JsonObject, args: JsonObject): void {
  let params = headerParams.get(definition);
  if (!params) {
    params = isJsonObject(definition.inputSchema) ? findHeaderParams(definition.inputSchema, []) : [];
    headerParams.set(definition, params);
  }
  for (const { path, header } of params) {
    const value = path.reduce<unknown>((part, key) => (isJsonObject(part) ? part[key] : undefined), args);
    if (!isSame(headers[`mcp-param-${header.toLowerCase()}`], value)) {
      throw mismatch(`Mcp-Param-${header} does not match the argument ${path.join('.')}`);
    }
  }
}

function isSame(header: string | string[] | undefined, value: unknown): boolean {
  if (value === undefined || value === null) return header === undefined;
  const text = decodeHeader(header);
  if (text === undefined) return false;
  if (typeof value === 'number') return text.trim() !== '' && Number(text) === value;
  return text === (typeof value === 'string' ? value : JSON.stringify(value));
}

function findHeaderParams(schema: JsonObject, path: readonly string[]): HeaderParam[] {
  if (!isJsonObject(schema.properties)) return [];
  return Object.entries(schema.properties).flatMap(([key, property]) => {
    if (!isJsonObject(property)) return [];
    const header = property['x-mcp-header'];
    const here = [...path, key];
    return [...(typeof header === 'string' ? [{ path: here, header }] : []), ...findHeaderParams(property, here)];
  });
}

/** Plain text, or base64 between sentinels for what a header cannot carry; undefined when it is neither. */
function decodeHeader(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string') return undefined;
  const text = header.trim();
  if (!text.startsWith(SENTINEL.start) || !text.endsWith(SENTINEL.end)) {
    return /^[\x20-\x7e\t]*$/.test(text) ? text : undefined;
  }
  const encoded = text.slice(SENTINEL.start.length, -SENTINEL.end.length);
  if (!BASE64.test(encoded) || encoded.length % 4 !== 0) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  const decoded = bytes.toString('utf8');
  return Buffer.from(decoded, 'utf8').equals(bytes) ? decoded : undefined;
}

const mismatch = (message: string): RpcError => new RpcError(RpcCode.headerMismatch, `Header mismatch: ${message}`);
