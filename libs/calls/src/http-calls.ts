import { STATUS_CODES } from 'node:http';
import type { JsonObject } from '@app/core';
import { Outbound } from '@app/outbound';
import { Injectable } from '@nestjs/common';
import { attempt, limitsOf } from './attempt.js';
import { Authentications, type Authorization } from './authentications.js';
import type { CallContext } from './call-context.js';
import { CallError, type CallErrorKind } from './call-error.js';
import { contentOf } from './http-content.js';
import { type HttpRequest, isSafe, readHttpRequest } from './http-request.js';
import { Sent } from './sent.js';

/** Of an error's body, which is only quoted. */
const MAX_ERROR_BYTES = 64 * 1_024;

/** `call: http` of DSL 1.0.3. */
@Injectable()
export class HttpCalls {
  constructor(
    private readonly outbound: Outbound,
    private readonly authentications: Authentications,
  ) {}

  /**
   * @param args `with`, expressions already filled: method, endpoint, headers, query, body, output, redirect
   * @returns `content` (default): JSON parsed, text, else base64; `raw`: base64; `response`: `{request, statusCode, headers, content}`
   * @throws CallError for a status outside 2xx (with `redirect: true` outside 2xx and 3xx), and for all that goes wrong before
   */
  call(args: JsonObject, ctx: CallContext): Promise<unknown> {
    return attempt(ctx, async (signal) => {
      const request = readHttpRequest(args, ctx);
      const sent = new Sent();
      sent.add([...request.url.searchParams.values()], args.body, args.headers);
      const response = await this.authorized(request, ctx, signal, sent);
      const isFine = response.ok || (request.redirect && response.status >= 300 && response.status < 400);
      if (!isFine) throw await refusal(response, request.url.host, sent);
      return outputOf(request, response);
    });
  }

  /** A token that was known from earlier may have been withdrawn: once, another is tried. */
  private async authorized(request: HttpRequest, ctx: CallContext, signal: AbortSignal, sent: Sent): Promise<Response> {
    for (let tries = 1; ; tries++) {
      const authorization = await this.authentications.authorize(request.authentication, ctx, signal);
      sent.add(authorization?.header, authorization?.header.replace(/^\w+ /, ''));
      const response = await this.send(request, authorization, ctx, signal);
      const mayHelp = response.status === 401 && authorization?.refused() === true && tries === 1;
      if (!mayHelp) return response;
      await response.body?.cancel();
    }
  }

  private send(
    { method, url, headers, body, redirect }: HttpRequest,
    authorization: Authorization | undefined,
    ctx: CallContext,
    signal: AbortSignal,
  ): Promise<Response> {
    const all = new Headers(headers);
    if (authorization !== undefined) all.set('authorization', authorization.header);
    return this.outbound.fetch(url, {
      method,
      headers: all,
      ...(body !== undefined && { body }),
      redirect: redirect && isSafe(method) ? 'follow' : 'manual',
      limits: limitsOf(ctx),
      signal,
    });
  }
}

/** What the request showed of itself stays out: its headers and its query may hold secrets. */
async function outputOf({ method, url, output }: HttpRequest, response: Response): Promise<unknown> {
  const bytes = Buffer.from(await response.arrayBuffer());
  if (output === 'raw') return bytes.toString('base64');
  const content = contentOf(bytes, response.headers.get('content-type'), url.host);
  if (output === 'content') return content;
  const request = { method: method.toLowerCase(), uri: url.origin + url.pathname };
  return { request, statusCode: response.status, headers: Object.fromEntries(response.headers), content };
}

const KINDS: ReadonlyMap<number, CallErrorKind> = new Map([
  [401, 'authentication'],
  [403, 'authorization'],
]);

/** The error that an answer stands for: by the DSL one of communication, unless it is about who we are. */
async function refusal(response: Response, host: string, sent: Sent): Promise<CallError> {
  const { status } = response;
  const said = await excerptOf(response, sent);
  const title = STATUS_CODES[status] ?? 'HTTP error';
  const detail = `${host} answered HTTP ${status}${said === '' ? '' : `: ${said}`}`;
  return new CallError(KINDS.get(status) ?? 'communication', detail, { status, title });
}

async function excerptOf(response: Response, sent: Sent): Promise<string> {
  const isBinary = !/json|text|xml/i.test(response.headers.get('content-type') ?? '');
  const isLarge = Number(response.headers.get('content-length') ?? 0) > MAX_ERROR_BYTES;
  if (isBinary || isLarge) {
    await response.body?.cancel();
    return '';
  }
  return sent.excerpt(await response.text());
}
