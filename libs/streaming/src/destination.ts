import { DomainError } from '@app/core';

/** What a connection is for. */
export type Destination =
  | { readonly path: '/' }
  | { readonly path: '/stream'; readonly requestId: string; readonly from: number; readonly ticket?: string };

/** Keys would stand in access logs, histories and `Referer` headers. */
const KEY_PARAMETERS = ['key', 'token', 'api_key', 'apikey', 'apiKey', 'access_token'];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The path of a request; undefined for one that this door does not serve. */
export function pathOf(url = '/'): Destination['path'] | undefined {
  const path = url.split('?', 1)[0];
  return path === '/' || path === '/stream' ? path : undefined;
}

/** @throws DomainError invalid */
export function destinationOf(url = '/'): Destination {
  const query = new URLSearchParams(url.split('?')[1]);
  const shown = KEY_PARAMETERS.find((name) => query.has(name));
  if (shown !== undefined)
    throw new DomainError(
      'invalid',
      `${shown}: a key does not belong in a URL; send it as a header, a subprotocol or a message`,
    );
  if (pathOf(url) === '/') return { path: '/' };
  const requestId = query.get('requestId') ?? '';
  if (!UUID.test(requestId)) throw new DomainError('invalid', 'requestId: expected the id of a request');
  const from = query.get('from') ?? '0';
  if (!/^\d{1,15}$/.test(from)) throw new DomainError('invalid', 'from: expected the number of an event');
  return { path: '/stream', requestId, from: Number(from), ticket: query.get('ticket') ?? undefined };
}
