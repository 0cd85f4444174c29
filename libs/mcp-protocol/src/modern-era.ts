import type { IncomingHttpHeaders } from 'node:http';
import { isJsonObject, type JsonObject } from '@app/core';
import { acceptWhen } from './accepted.js';
import { modernCapabilities } from './capabilities.js';
import type { Dispatcher } from './dispatch.js';
import { type Era, Exchange } from './exchange.js';
import { checkMethodHeaders, checkParamHeaders, checkVersionHeader } from './header-match.js';
import type { Handler, Host, LogLevel, Principal, Tool } from './host.js';
import type { RequestStates } from './request-state.js';
import {
  invalidParams,
  isRequestId,
  LOG_LEVELS,
  type Message,
  META,
  MODERN_VERSIONS,
  notification,
  Refusal,
  RpcCode,
  RpcError,
  TASKS_EXTENSION,
} from './rpc.js';
import type { Change, OpenStream, Streams } from './streams.js';
import type { Wire } from './wire.js';

/** How long a client may reuse a list or a resource when the host says nothing: lists change, and not every client listens. */
const CACHING = { ttlMs: 10_000, cacheScope: 'private' } as const;
const CACHEABLE: ReadonlySet<string> = new Set([
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);
const STATUS: Readonly<Record<number, number>> = {
  [RpcCode.methodNotFound]: 404,
  [RpcCode.headerMismatch]: 400,
  [RpcCode.missingCapability]: 400,
  [RpcCode.unsupportedVersion]: 400,
};

type Method<P extends Principal> = (exchange: Exchange<P>) => ReturnType<Handler<P>>;

/** Revision 2026-07-28 and later: every request carries its version, its capabilities and its state itself. */
export class ModernEra<P extends Principal> implements Era<P> {
  readonly methods: ReadonlyMap<string, Method<P>>;
  private readonly serverMeta: JsonObject;

  constructor(
    private readonly host: Host<P>,
    private readonly dispatcher: Dispatcher<P>,
    private readonly streams: Streams,
    readonly states: RequestStates,
  ) {
    const { tasks } = host;
    this.serverMeta = { [META.serverInfo]: host.serverInfo };
    const methods = new Map<string, Method<P>>([
      ['server/discover', () => this.discover()],
      ['subscriptions/listen', (exchange) => this.listen(exchange)],
    ]);
    if (tasks) {
      methods.set('tasks/get', withTasks(tasks.get));
      methods.set('tasks/update', withTasks(tasks.update));
      methods.set('tasks/cancel', withTasks(tasks.cancel));
    }
    this.methods = methods;
  }

  receive(message: Message, wire: Wire, principal: P): void {
    const { id, method, params = {} } = message;
    if (method === undefined) throw new Refusal(400, RpcCode.invalidRequest, 'Invalid Request: method is missing');
    if (id === undefined) return this.notice(method, params, wire, principal);
    if (!isRequestId(id))
      throw new Refusal(400, RpcCode.invalidRequest, 'Invalid Request: id must be a string or a number');
    const capabilities = identify(method, params, wire.headers);
    const client = { principal, capabilities, session: undefined };
    this.dispatcher.run(new Exchange(this, wire, { id, method, params }, client));
  }

  dressResult(result: JsonObject, { method }: Exchange<P>): JsonObject {
    const meta = isJsonObject(result._meta) ? { ...this.serverMeta, ...result._meta } : this.serverMeta;
    if (CACHEABLE.has(method)) return { resultType: 'complete', ...CACHING, ...result, _meta: meta };
    return { resultType: 'complete', ...result, _meta: meta };
  }

  dressError(error: RpcError): { status: number; error: RpcError } {
    if (error instanceof Refusal) return { status: error.status, error };
    if (error.code !== RpcCode.resourceNotFound) return { status: STATUS[error.code] ?? 200, error };
    return { status: 200, error: new RpcError(RpcCode.invalidParams, error.message, error.data) };
  }

  logLevel({ meta }: Exchange<P>): LogLevel | undefined {
    const level = meta?.[META.logLevel];
    return LOG_LEVELS.find((known) => known === level);
  }

  checkHeaders({ wire }: Exchange<P>, { definition }: Tool<P>, args: JsonObject): void {
    if (wire.headers) checkParamHeaders(wire.headers, definition, args);
  }

  private notice(method: string, params: JsonObject, wire: Wire, principal: P): void {
    const { requestId } = params;
    if (method !== 'notifications/cancelled' || wire.connection === undefined || !isRequestId(requestId))
      return wire.end(202);
    acceptWhen(this.host.onCancel({ sessionId: wire.connection, principalId: principal.id, requestId }), wire);
  }

  private discover(): JsonObject {
    const { host } = this;
    return {
      supportedVersions: MODERN_VERSIONS,
      capabilities: modernCapabilities(host),
      instructions: host.instructions,
    };
  }

  /** Stays open until the client leaves or the server closes; its end is the request's result. */
  private listen(exchange: Exchange<P>): Promise<JsonObject> {
    const { id, principal, params, signal } = exchange;
    const filter = readFilter(params.notifications);
    return new Promise((resolve) => {
      const stream: OpenStream = {
        principal,
        subscription: id,
        wants: (change) => isWanted(filter, change),
        send: (message) => exchange.send(message),
        end: () => {
          this.streams.remove(stream);
          resolve({ _meta: { [META.subscriptionId]: id } });
        },
      };
      this.streams.add(stream);
      const _meta = { [META.subscriptionId]: id };
      exchange.send(notification('notifications/subscriptions/acknowledged', { _meta, notifications: filter }));
      signal.addEventListener('abort', () => stream.end());
      if (signal.aborted) stream.end();
    });
  }
}

/** True for messages of this era; `initialize` is of the other one, whatever version it names. */
export function isModern({ method, params }: Message, headers: IncomingHttpHeaders | undefined): boolean {
  const meta = params?._meta;
  if (isJsonObject(meta) && (meta[META.protocolVersion] ?? meta[META.clientCapabilities]) !== undefined) return true;
  const version = headers?.['mcp-protocol-version'];
  return method !== 'initialize' && typeof version === 'string' && version >= MODERN_VERSIONS[0]!;
}

/**
 * What the client declared.
 * @throws RpcError when the request does not say what it must, or its headers contradict its body.
 */
function identify(method: string, params: JsonObject, headers: IncomingHttpHeaders | undefined): JsonObject {
  const meta = isJsonObject(params._meta) ? params._meta : {};
  const version = meta[META.protocolVersion];
  if (typeof version !== 'string') throw invalidParams(`_meta["${META.protocolVersion}"] must be a string`);
  if (headers) checkVersionHeader(headers['mcp-protocol-version'], version);
  if (!MODERN_VERSIONS.includes(version)) {
    const data = { supported: MODERN_VERSIONS, requested: version };
    throw new RpcError(RpcCode.unsupportedVersion, 'Unsupported protocol version', data);
  }
  const capabilities = meta[META.clientCapabilities];
  if (!isJsonObject(capabilities)) throw invalidParams(`_meta["${META.clientCapabilities}"] must be an object`);
  if (headers) checkMethodHeaders(headers, method, params);
  return capabilities;
}

/** On `resources`, the URIs whose updates are wanted. */
interface Filter {
  readonly toolsListChanged?: true;
  readonly promptsListChanged?: true;
  readonly resourcesListChanged?: true;
  readonly resourceSubscriptions?: readonly string[];
}

function readFilter(wanted: unknown): Filter {
  if (!isJsonObject(wanted)) return {};
  const { resourceSubscriptions: uris } = wanted;
  return {
    ...(wanted.toolsListChanged === true && { toolsListChanged: true }),
    ...(wanted.promptsListChanged === true && { promptsListChanged: true }),
    ...(wanted.resourcesListChanged === true && { resourcesListChanged: true }),
    ...(Array.isArray(uris) && { resourceSubscriptions: uris.filter((uri): uri is string => typeof uri === 'string') }),
  };
}

function isWanted(filter: Filter, { kind, uri }: Change): boolean {
  return uri === undefined
    ? filter[`${kind}ListChanged`] === true
    : filter.resourceSubscriptions?.includes(uri) === true;
}

function withTasks<P extends Principal>(handler: Handler<P>): Method<P> {
  return (exchange) => {
    exchange.requireExtension(TASKS_EXTENSION);
    return handler(exchange);
  };
}
