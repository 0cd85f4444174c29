import { DomainError } from '@app/core';
import { isUuid } from '@app/tasks';
import { startAfter } from '@app/web';

/** Where a page begins of what is ordered by id. @throws DomainError invalid */
export function idAfter(token: string): string {
  const id = startAfter(token);
  if (!isUuid(id)) throw new DomainError('invalid', 'page_token: expected the nextPageToken of an earlier page');
  return id;
}
