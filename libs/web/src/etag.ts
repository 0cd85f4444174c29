import { DomainError } from '@app/core';

/** The entity tag of a row's version (RFC 9110 §8.8.3). */
export const etagOf = (version: number): string => `"${version}"`;

/**
 * The version an `If-Match` header asks for (RFC 9110 §13.1.1); undefined when there is none or it is `*`.
 * @throws DomainError invalid when it is not one of our tags.
 */
export function versionIn(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch === '*') return undefined;
  const version = /^"(\d+)"$/.exec(ifMatch)?.[1];
  if (version === undefined) throw new DomainError('invalid', 'If-Match: expected the ETag of an earlier answer');
  return Number(version);
}

/** Whether an `If-None-Match` header names this tag (RFC 9110 §13.1.2): the caller has it already. */
export const isKnown = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch?.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag) ?? false;
