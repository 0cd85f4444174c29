import { isJsonObject, type JsonObject, traceHeaders } from '@app/core';
import { expected, scalarsIn, textIn } from './arguments.js';
import type { CallContext } from './call-context.js';
import { readEndpoint } from './endpoint.js';

const OUTPUTS = ['content', 'raw', 'response'] as const;

/** What `call: http` asks for (DSL 1.0.3 "HTTP Call"), checked. */
export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  /** With `content-type`, `idempotency-key` and `traceparent`; without what authenticates. */
  readonly headers: Headers;
  readonly body?: string;
  readonly authentication?: unknown;
  readonly output: (typeof OUTPUTS)[number];
  /** Whether a 3xx is followed, where that is safe, and else an answer as good as 2xx. */
  readonly redirect: boolean;
}

/** What frames the request is not the author's; undici refuses some, and `host` would speak to another host. */
const OURS = new Set([
  'host',
  'content-length',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
]);
const METHOD = /^[A-Z]{1,32}$/;
/** RFC 9110 §9.3.6 and §9.3.8: for proxies, and a way to be shown one's own headers. */
const NO_METHODS = new Set(['CONNECT', 'TRACE']);

/** Both are safe (RFC 9110 §9.2.1) and need nothing to be repeated. */
export const isSafe = (method: string): boolean => method === 'GET' || method === 'HEAD';

/** @throws CallError validation, expression */
export function readHttpRequest(args: JsonObject, ctx: CallContext): HttpRequest {
  const method = textIn(args, 'method').toUpperCase();
  if (!METHOD.test(method) || NO_METHODS.has(method))
    throw expected('with.method', 'an HTTP method such as GET or POST');
  const { url, authentication } = readEndpoint(args.endpoint, 'with.endpoint', ctx.data);
  for (const [name, value] of scalarsIn(args, 'query')) url.searchParams.append(name, value);
  const { output = 'content', redirect = false } = args;
  const known = OUTPUTS.find((word) => word === output);
  if (known === undefined) throw expected('with.output', `one of ${OUTPUTS.join(', ')}`);
  if (typeof redirect !== 'boolean') throw expected('with.redirect', 'a boolean');
  const headers = headersIn(args, 'with.headers');
  const body = bodyOf(args.body, headers);
  if (!isSafe(method) && !headers.has('idempotency-key')) headers.set('idempotency-key', ctx.idempotencyKey);
  if (!headers.has('traceparent'))
    for (const [name, value] of Object.entries(traceHeaders(ctx.trace))) headers.set(name, value);
  if (!headers.has('accept')) headers.set('accept', 'application/json, text/*;q=0.9, */*;q=0.8');
  return { method, url, headers, ...(body !== undefined && { body }), authentication, output: known, redirect };
}

/** @throws CallError validation, without the value */
export function headersIn(args: JsonObject, field: string): Headers {
  const headers = new Headers();
  for (const [name, value] of scalarsIn(args, 'headers', field)) {
    if (OURS.has(name.toLowerCase())) throw expected(`${field}.${name}`, 'not to be set: it follows from the request');
    try {
      headers.set(name, value);
    } catch {
      throw expected(`${field}.${name}`, 'a name and a value such as HTTP allows in a header');
    }
  }
  return headers;
}

const FORM = 'application/x-www-form-urlencoded';

/** Texts go as they are, forms by their content type, all else as JSON. */
function bodyOf(body: unknown, headers: Headers): string | undefined {
  if (body === undefined || body === null) return undefined;
  const type = headers.get('content-type');
  if (typeof body === 'string') {
    if (type === null) headers.set('content-type', 'text/plain;charset=utf-8');
    return body;
  }
  if (type?.toLowerCase().startsWith(FORM) && isJsonObject(body))
    return new URLSearchParams(scalarsIn({ body }, 'body')).toString();
  if (type === null) headers.set('content-type', 'application/json');
  return JSON.stringify(body);
}
