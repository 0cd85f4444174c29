import { DomainError } from '@app/core';
import { startAfter } from '@app/web';

/** The row number after which a page starts. @throws DomainError invalid for a token that no list gave out */
export function numberAfter(token: string): string {
  const after = startAfter(token);
  if (/^[1-9]\d{0,17}$/.test(after)) return after;
  throw new DomainError('invalid', 'page_token: expected the nextPageToken of an earlier page');
}
