import { once } from 'node:events';
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

/** MCP over plain HTTP, for what no well-behaved client would send. */

type Message = Record<string, unknown>;
export type Headers = Record<string, string>;

export const JSON_HEADERS: Headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};
const META = 'io.modelcontextprotocol/';

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  /** The JSON body, or the messages of an event stream. */
  messages: Message[];
  error?: { code: number; message: string; data?: unknown };
  result?: Message;
}

/** Sends a request and leaves the body to be written by the caller. */
export function open(url: string, method: string, headers: Headers): ClientRequest {
  return request(url, { method, headers, agent: false });
}

export async function responseOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return incoming;
}

export async function read(incoming: IncomingMessage): Promise<Reply> {
  let body = '';
  for await (const chunk of incoming.setEncoding('utf8')) body += String(chunk);
  const isStream = incoming.headers['content-type'] === 'text/event-stream';
  const texts = isStream ? eventsOf(body) : body === '' ? [] : [body];
  const messages = texts.map((text) => JSON.parse(text) as Message);
  const last = messages.at(-1) ?? {};
  return { ...last, status: incoming.statusCode ?? 0, headers: incoming.headers, messages };
}

const eventsOf = (body: string): string[] => [...body.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => data);

export async function send(url: string, method: string, body = '', headers: Headers = {}): Promise<Reply> {
  const outgoing = open(url, method, headers);
  outgoing.end(body);
  return read(await responseOf(outgoing));
}

export function post(url: string, message: unknown, headers: Headers = {}): Promise<Reply> {
  return send(url, 'POST', JSON.stringify(message), { ...JSON_HEADERS, ...headers });
}

export function legacy(url: string, method: string, params: Message = {}, headers: Headers = {}): Promise<Reply> {
  return post(url, { jsonrpc: '2.0', id: 1, method, params }, headers);
}

/** The headers that a legacy client sends after `initialize`. */
export async function initialize(url: string, capabilities: Message = {}, principal = 'alice'): Promise<Headers> {
  const params = { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'raw', version: '1' } };
  const { headers } = await legacy(url, 'initialize', params, { 'x-principal': principal });
  return { ...JSON_HEADERS, 'x-principal': principal, 'mcp-session-id': String(headers['mcp-session-id']) };
}

export function modernMessage(method: string, params: Message = {}, capabilities: Message = {}): Message {
  const meta = { [`${META}protocolVersion`]: '2026-07-28', [`${META}clientCapabilities`]: capabilities };
  const _meta = { ...meta, ...(params._meta as Message | undefined) };
  return { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } };
}

export function modernHeaders(method: string, { name, uri }: Message = {}): Headers {
  const subject = name ?? uri;
  return {
    ...JSON_HEADERS,
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(typeof subject === 'string' && { 'mcp-name': subject }),
  };
}

export function modern(url: string, method: string, params: Message = {}, extra: ModernExtra = {}): Promise<Reply> {
  const headers = { ...modernHeaders(method, params), ...extra.headers };
  return post(url, modernMessage(method, params, extra.capabilities), headers);
}

interface ModernExtra {
  capabilities?: Message;
  headers?: Headers;
}

/** A response that is read message by message while it is open. */
export async function stream(outgoing: ClientRequest) {
  const incoming = await responseOf(outgoing);
  incoming.setEncoding('utf8').on('error', () => undefined);
  let body = '';
  let isOver = false;
  incoming.on('data', (chunk) => (body += String(chunk))).on('close', () => (isOver = true));
  return {
    incoming,
    get text(): string {
      return body;
    },
    get messages(): Message[] {
      return eventsOf(body).map((text) => JSON.parse(text) as Message);
    },
    get isOver(): boolean {
      return isOver;
    },
    close: () => incoming.destroy(),
  };
}

export function openGet(url: string, headers: Headers) {
  return stream(open(url, 'GET', { ...headers, accept: 'text/event-stream' }).end());
}

export function openPost(url: string, message: unknown, headers: Headers = JSON_HEADERS) {
  return stream(open(url, 'POST', headers).end(JSON.stringify(message)));
}

export function openListen(url: string, notifications: Message, headers: Headers = {}) {
  const method = 'subscriptions/listen';
  return openPost(url, modernMessage(method, { notifications }), { ...modernHeaders(method), ...headers });
}
