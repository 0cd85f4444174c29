import { isJsonObject, type JsonObject } from '@app/core';
import type { AgentInterface, OutgoingMessage, Part } from './model.js';

/** How many messages we ask for: some agents answer only there, and 0.3 servers leave out all when not asked. */
export const HISTORY_LENGTH = 100;

type SendOperation =
  /** `wait`: answer when the task is over or interrupted, not at once. */
  | { readonly name: 'send'; readonly message: OutgoingMessage; readonly wait: boolean }
  | { readonly name: 'stream'; readonly message: OutgoingMessage };
type TaskOperation = { readonly name: 'get' | 'cancel' | 'subscribe'; readonly taskId: string };

/** One request to an agent, in neither version's words. */
export type Operation = SendOperation | TaskOperation;
type OperationName = Operation['name'];

export interface WireRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Record<string, string>;
  readonly body?: string;
}

const RPC_METHODS: Record<AgentInterface['version'], Record<OperationName, string>> = {
  '1.0': {
    send: 'SendMessage',
    stream: 'SendStreamingMessage',
    get: 'GetTask',
    cancel: 'CancelTask',
    subscribe: 'SubscribeToTask',
  },
  '0.3': {
    send: 'message/send',
    stream: 'message/stream',
    get: 'tasks/get',
    cancel: 'tasks/cancel',
    subscribe: 'tasks/resubscribe',
  },
};

const ROUTES: Record<OperationName, (taskId: string) => string> = {
  send: () => '/message:send',
  stream: () => '/message:stream',
  get: (taskId) => `/tasks/${taskId}`,
  cancel: (taskId) => `/tasks/${taskId}:cancel`,
  subscribe: (taskId) => `/tasks/${taskId}:subscribe`,
};

const ACCEPT: Record<OperationName, string> = {
  send: 'application/json, application/a2a+json',
  stream: 'text/event-stream, application/json;q=0.9',
  get: 'application/json, application/a2a+json',
  cancel: 'application/json, application/a2a+json',
  subscribe: 'text/event-stream, application/json;q=0.9',
};

/** The HTTP request that asks for an operation at one interface of an agent. */
export function buildRequest(target: AgentInterface, operation: Operation): WireRequest {
  const headers = {
    accept: ACCEPT[operation.name],
    'content-type': 'application/json',
    // Without the header an agent takes us for a 0.3 client.
    ...(target.version === '1.0' && { 'a2a-version': '1.0' }),
  };
  return target.binding === 'JSONRPC'
    ? { ...rpcRequest(target, operation), headers }
    : { ...restRequest(target, operation), headers };
}

function rpcRequest(target: AgentInterface, operation: Operation): Omit<WireRequest, 'headers'> {
  const params = 'message' in operation ? sendParams(target, operation) : taskParams(operation);
  const body = {
    jsonrpc: '2.0',
    id: 1,
    method: RPC_METHODS[target.version][operation.name],
    params: target.tenant === undefined ? params : { tenant: target.tenant, ...params },
  };
  return { url: target.url, method: 'POST', body: JSON.stringify(body) };
}

function restRequest(target: AgentInterface, operation: Operation): Omit<WireRequest, 'headers'> {
  const taskId = 'taskId' in operation ? encodeURIComponent(operation.taskId) : '';
  const url = new URL(target.url);
  const tenant = target.tenant === undefined ? '' : `/${encodeURIComponent(target.tenant)}`;
  const prefix = target.version === '1.0' ? tenant : '/v1';
  url.pathname = url.pathname.replace(/\/+$/, '') + prefix + ROUTES[operation.name](taskId);
  if (operation.name === 'get') url.searchParams.set('historyLength', String(HISTORY_LENGTH));
  // 0.3 servers know `:subscribe` as GET only; the text of 1.0 says POST.
  const reads = operation.name === 'get' || (operation.name === 'subscribe' && target.version === '0.3');
  if (reads) return { url: url.href, method: 'GET' };
  const body = 'message' in operation ? sendParams(target, operation) : {};
  return { url: url.href, method: 'POST', body: JSON.stringify(body) };
}

const taskParams = (operation: TaskOperation): JsonObject => ({
  id: operation.taskId,
  ...(operation.name === 'get' && { historyLength: HISTORY_LENGTH }),
});

function sendParams(target: AgentInterface, operation: SendOperation): JsonObject {
  const wait = operation.name === 'stream' || operation.wait;
  const message = writeMessage(target, operation.message);
  if (target.version === '1.0') {
    return { message, configuration: { historyLength: HISTORY_LENGTH, ...(!wait && { returnImmediately: true }) } };
  }
  // 0.2 agents insist on the list; empty means anything.
  return { message, configuration: { historyLength: HISTORY_LENGTH, blocking: wait, acceptedOutputModes: [] } };
}

/** 0.3 has another message for each binding: `kind` objects in JSON-RPC, the JSON of its protobuf in HTTP+JSON. */
function writeMessage(target: AgentInterface, message: OutgoingMessage): JsonObject {
  const { parts, ...rest } = message;
  if (target.version === '1.0') return { ...rest, role: 'ROLE_USER', parts };
  if (target.binding === 'HTTP+JSON') return { ...rest, role: 'ROLE_USER', content: parts.map(protoPart) };
  return { ...rest, kind: 'message', role: 'user', parts: parts.map(kindPart) };
}

function kindPart(part: Part): JsonObject {
  const metadata = part.metadata && { metadata: part.metadata };
  if (part.text !== undefined) return { kind: 'text', text: part.text, ...metadata };
  if (part.data !== undefined) return kindData(part.data, part.metadata);
  const labels = { name: part.filename, mimeType: part.mediaType };
  const file = part.raw === undefined ? { uri: part.url, ...labels } : { bytes: part.raw, ...labels };
  return { kind: 'file', file, ...metadata };
}

/** 0.3 data must be an object; the official SDKs wrap anything else so, and unwrap it again. */
const kindData = (data: unknown, metadata?: JsonObject): JsonObject =>
  isJsonObject(data)
    ? { kind: 'data', data, ...(metadata && { metadata }) }
    : { kind: 'data', data: { value: data }, metadata: { ...metadata, data_part_compat: true } };

/** Strict servers refuse members that early 0.3 had not: neither `name` nor `metadata` may be here. */
function protoPart(part: Part): JsonObject {
  if (part.text !== undefined) return { text: part.text };
  if (part.data !== undefined) return { data: { data: kindData(part.data).data } };
  const file = part.raw === undefined ? { fileWithUri: part.url } : { fileWithBytes: part.raw };
  return { file: { ...file, mimeType: part.mediaType } };
}
