import { cleanJson } from '@app/a2a';
import { isJsonObject, type JsonObject, traceHeaders } from '@app/core';
import { readDuration } from '@app/dsl';
import { Outbound } from '@app/outbound';
import { Client, type RequestOptions } from '@modelcontextprotocol/client';
import { Injectable } from '@nestjs/common';
import { expected, objectIn, textIn } from './arguments.js';
import { attempt, limitsOf } from './attempt.js';
import { Authentications } from './authentications.js';
import type { CallContext } from './call-context.js';
import { CallError } from './call-error.js';
import { type Endpoint, readEndpoint } from './endpoint.js';
import { headersIn } from './http-request.js';
import { asMcpError } from './mcp-errors.js';
import { McpConnection } from './mcp-connection.js';
import { Sent } from './sent.js';

/** The first revision without `initialize`. */
const MODERN = '2026-07-28';
/** In `_meta` of what is called; MCP has no word of its own for it. */
const IDEMPOTENCY_KEY = 'a2a-mcp-server/idempotency-key';

interface McpRequest {
  readonly method: keyof typeof METHODS;
  readonly params: JsonObject;
  readonly endpoint: Endpoint;
  readonly headers: Headers;
  readonly client: Client;
  readonly maxMs: number | undefined;
}

/** `call: mcp` of DSL 1.0.3, over Streamable HTTP. */
@Injectable()
export class McpCalls {
  constructor(
    private readonly outbound: Outbound,
    private readonly authentications: Authentications,
  ) {}

  /**
   * @param args `with`, expressions already filled: method, parameters, transport.http, protocolVersion, timeout, client
   * @returns the result of the method; of a list all its pages
   * @throws CallError; a tool that answers with `isError` is one of communication
   */
  async call(args: JsonObject, ctx: CallContext): Promise<unknown> {
    ctx.signal.throwIfAborted();
    const request = readMcpRequest(args, ctx);
    const bounded = { ...ctx, ...(request.maxMs !== undefined && { maxMs: request.maxMs }) };
    return attempt(bounded, (signal) => this.ask(request, bounded, signal));
  }

  private async ask(request: McpRequest, ctx: CallContext, signal: AbortSignal): Promise<unknown> {
    const { method, client, headers, endpoint } = request;
    const authorization = await this.authentications.authorize(endpoint.authentication, ctx, signal);
    if (authorization !== undefined) headers.set('authorization', authorization.header);
    const sent = new Sent();
    sent.add([...headers.values()], authorization?.header.replace(/^\w+ /, ''), request.params);
    for (const [name, value] of Object.entries(traceHeaders(ctx.trace))) headers.set(name, value);
    const { url } = endpoint;
    const settings = { url, headers, signal, limits: limitsOf(ctx), once: { method, key: ctx.idempotencyKey } };
    const connection = new McpConnection(this.outbound, settings);
    try {
      const options = { signal, timeout: limitsOf(ctx).headersMs };
      await client.connect(connection.transport, options);
      return resultOf(await METHODS[method](client, withKey(request, ctx), options), url.host, sent);
    } catch (error) {
      if (connection.status === 401) authorization?.refused();
      throw asMcpError(error, connection, url.host, sent);
    } finally {
      await connection.end(client);
    }
  }
}

type Method = (client: Client, params: never, options: RequestOptions) => Promise<object>;

/** The methods of DSL 1.0.3 "MCP Call". */
const METHODS = {
  'tools/list': (client, params, options) => client.listTools(params, options),
  'tools/call': (client, params, options) => client.callTool(params, options),
  'prompts/list': (client, params, options) => client.listPrompts(params, options),
  'prompts/get': (client, params, options) => client.getPrompt(params, options),
  'resources/list': (client, params, options) => client.listResources(params, options),
  'resources/read': (client, params, options) => client.readResource(params, options),
  'resources/templates/list': (client, params, options) => client.listResourceTemplates(params, options),
} as const satisfies Record<string, Method>;

const isMethod = (name: string): name is keyof typeof METHODS => Object.hasOwn(METHODS, name);

function readMcpRequest(args: JsonObject, ctx: CallContext): McpRequest {
  const method = textIn(args, 'method');
  if (!isMethod(method)) throw expected('with.method', `one of ${Object.keys(METHODS).join(', ')}`);
  const { http, stdio } = objectIn(args, 'transport');
  if (stdio !== undefined) throw new CallError('configuration', 'with.transport.stdio: not supported; use http');
  if (!isJsonObject(http)) throw expected('with.transport.http', 'an object with an endpoint');
  return {
    method,
    params: objectIn(args, 'parameters'),
    endpoint: readEndpoint(http.endpoint, 'with.transport.http.endpoint', ctx.data),
    headers: headersIn(http, 'with.transport.http.headers'),
    client: clientOf(args),
    maxMs: args.timeout === undefined ? ctx.maxMs : timeoutMs(args.timeout),
  };
}

/** DSL 1.0.3, "Duration". @throws CallError validation */
function timeoutMs(timeout: unknown): number {
  const read = readDuration(timeout);
  if ('message' in read || read.ms === 0) throw expected('with.timeout', 'a duration such as PT30S or {seconds: 30}');
  return read.ms;
}

/** Without a version both eras are tried; with one nothing else is spoken. */
function clientOf(args: JsonObject): Client {
  const { name = 'a2a-mcp-server', version = '1' } = objectIn(args, 'client');
  if (typeof name !== 'string' || typeof version !== 'string')
    throw expected('with.client', 'texts as name and version');
  const { protocolVersion } = args;
  if (protocolVersion === undefined) return new Client({ name, version }, { versionNegotiation: { mode: 'auto' } });
  if (typeof protocolVersion !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(protocolVersion))
    throw expected('with.protocolVersion', 'a revision of MCP such as 2025-06-18');
  return protocolVersion >= MODERN
    ? new Client({ name, version }, { versionNegotiation: { mode: { pin: protocolVersion } } })
    : new Client({ name, version }, { supportedProtocolVersions: [protocolVersion] });
}

/** Only what may do something is told how to know it again. */
function withKey({ method, params }: McpRequest, { idempotencyKey }: CallContext): never {
  if (method !== 'tools/call') return params as never;
  const meta = isJsonObject(params['_meta']) ? params['_meta'] : {};
  return { ...params, _meta: { [IDEMPOTENCY_KEY]: idempotencyKey, ...meta } } as never;
}

/** @throws CallError for a tool that failed: it must not pass for success */
function resultOf(result: object, host: string, sent: Sent): unknown {
  const { _meta, resultType: _type, ...data } = cleanJson(result) as JsonObject;
  if (data.isError !== true) return data;
  const said = Array.isArray(data.content) ? data.content.filter(isJsonObject).map(({ text }) => text) : [];
  const words = sent.excerpt(said.filter((text) => typeof text === 'string').join(' '));
  throw new CallError('communication', `The tool at ${host} failed${words === '' ? '' : `: ${words}`}`, {
    title: 'Tool failed',
  });
}
