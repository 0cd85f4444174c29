import { DomainError } from '@app/core';
import type { OutgoingRequest } from './outgoing-request.js';

export const MAX_REDIRECTS = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** All that goes to another origin: any other header may be a credential, whatever its name. */
const HARMLESS_HEADERS = ['accept', 'accept-language', 'user-agent', 'a2a-version', 'a2a-extensions'];

/** The request that follows a redirect; undefined when the answer is none, or not to be followed. */
export function redirected(request: OutgoingRequest, response: Response): OutgoingRequest | undefined {
  const location = response.headers.get('location');
  const isSafe = request.method === 'GET' || request.method === 'HEAD';
  if (!isSafe || location === null || !REDIRECTS.has(response.status)) return undefined;
  if (!URL.canParse(location, request.url.href))
    throw new DomainError('unavailable', `${request.url.host} redirects to something that is no URL`);
  const url = new URL(location, request.url);
  if (url.origin === request.url.origin) return { ...request, url };
  const kept = HARMLESS_HEADERS.flatMap((name) => {
    const value = request.headers.get(name);
    return value === null ? [] : [[name, value] as [string, string]];
  });
  return { ...request, url, headers: new Headers(kept) };
}
