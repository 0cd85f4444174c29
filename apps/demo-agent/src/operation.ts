import type { Request } from 'express';

type JsonObject = Record<string, unknown>;

/** One A2A request, read off the wire of either version and either binding before the SDK sees it. */
export interface Operation {
  readonly kind: 'send' | 'stream' | 'poll' | 'subscribe' | 'cancel' | 'other';
  readonly binding: 'JSONRPC' | 'HTTP+JSON';
  /** The JSON-RPC id. */
  readonly id: unknown;
  /** Of poll, subscribe and cancel. */
  readonly taskId?: string;
  /** Of send and stream. */
  readonly message?: { messageId: string; text: string; taskId?: string; contextId?: string };
}

const METHODS: Readonly<Record<string, Operation['kind']>> = {
  SendMessage: 'send',
  'message/send': 'send',
  SendStreamingMessage: 'stream',
  'message/stream': 'stream',
  GetTask: 'poll',
  'tasks/get': 'poll',
  SubscribeToTask: 'subscribe',
  'tasks/resubscribe': 'subscribe',
  CancelTask: 'cancel',
  'tasks/cancel': 'cancel',
};

const REST_PATHS: readonly (readonly [RegExp, Operation['kind']])[] = [
  [/^\/rest(?:\/v1)?\/message:send$/, 'send'],
  [/^\/rest(?:\/v1)?\/message:stream$/, 'stream'],
  [/^\/rest(?:\/v1)?\/tasks\/([^/:]+):subscribe$/, 'subscribe'],
  [/^\/rest(?:\/v1)?\/tasks\/([^/:]+):cancel$/, 'cancel'],
  [/^\/rest(?:\/v1)?\/tasks\/([^/:]+)$/, 'poll'],
];

export function operationOf(request: Request): Operation {
  const body = objectOf(request.body);
  if (request.path.startsWith('/rest/')) return restOperation(request.path, body);
  const params = objectOf(body.params);
  const kind = METHODS[String(body.method)] ?? 'other';
  return {
    kind,
    binding: 'JSONRPC',
    id: body.id ?? null,
    taskId: stringOf(params.id),
    message: messageOf(params.message),
  };
}

function restOperation(path: string, body: JsonObject): Operation {
  const message = messageOf(body.message ?? body.request);
  for (const [pattern, kind] of REST_PATHS) {
    const match = pattern.exec(path);
    if (match !== null) return { kind, binding: 'HTTP+JSON', id: null, taskId: match[1], message };
  }
  return { kind: 'other', binding: 'HTTP+JSON', id: null };
}

/** Field names differ: 0.3 over REST writes snake_case, and `content` for `parts`. */
function messageOf(value: unknown): Operation['message'] {
  const message = objectOf(value);
  const messageId = stringOf(message.messageId ?? message.message_id);
  if (messageId === undefined) return undefined;
  const parts = message.parts ?? message.content;
  const texts = (Array.isArray(parts) ? parts : []).map((part) => stringOf(objectOf(part).text));
  return {
    messageId,
    text: texts.filter((text) => text !== undefined).join('\n'),
    taskId: stringOf(message.taskId ?? message.task_id),
    contextId: stringOf(message.contextId ?? message.context_id),
  };
}

const objectOf = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

const stringOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
