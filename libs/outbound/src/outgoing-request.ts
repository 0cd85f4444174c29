import { DomainError } from '@app/core';
import { DEFAULT_LIMITS, type OutboundLimits } from './limits.js';

export type OutboundInit = RequestInit & { limits?: Partial<OutboundLimits> };

export interface OutgoingRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | Uint8Array | null;
  readonly signal: AbortSignal | undefined;
  readonly limits: OutboundLimits;
}

/** What follows from the URL and the body; a `host` of one's own would speak to another host than the one checked. */
const NOT_FOR_CALLERS = ['host', 'content-length'];

/** @throws DomainError `invalid` */
export async function requestOf(url: string | URL, init: OutboundInit): Promise<OutgoingRequest> {
  if (!URL.canParse(String(url))) throw new DomainError('invalid', 'Expected an absolute http or https URL');
  const headers = headersOf(init);
  return {
    url: new URL(url),
    method: init.method?.toUpperCase() ?? 'GET',
    headers,
    body: await bodyOf(init.body, headers),
    signal: init.signal ?? undefined,
    limits: { ...DEFAULT_LIMITS, ...init.limits },
  };
}

function headersOf(init: OutboundInit): Headers {
  const headers = new Headers(init.headers);
  for (const name of NOT_FOR_CALLERS) headers.delete(name);
  if (!headers.has('accept')) headers.set('accept', '*/*');
  if (!headers.has('user-agent')) headers.set('user-agent', 'a2a-mcp-server');
  return headers;
}

/** Text and bytes go as they are; what else may be a body, and of what type it is, `Response` knows. */
async function bodyOf(body: RequestInit['body'], headers: Headers): Promise<string | Uint8Array | null> {
  if (body === undefined || body === null || body instanceof Uint8Array) return body ?? null;
  if (typeof body === 'string' && headers.has('content-type')) return body;
  const read = new Response(body);
  const type = read.headers.get('content-type');
  if (type !== null && !headers.has('content-type')) headers.set('content-type', type);
  return new Uint8Array(await read.arrayBuffer());
}
