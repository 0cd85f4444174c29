import { z } from 'zod';
import { DomainError } from '@app/core';

const MAX_PAGE_SIZE = 200;

/** The paging part of a list's query. */
export const PageQuery = z.object({
  page_size: z.coerce.number().int().min(1).max(MAX_PAGE_SIZE).default(50).describe('Items a page.'),
  page_token: z.string().max(512).optional().describe('`nextPageToken` of the page before.'),
});
export type PageQuery = z.infer<typeof PageQuery>;

export interface Page<T> {
  readonly items: T[];
  /** Absent on the last page. */
  readonly nextPageToken?: string;
}

/** Cuts a page from one row more than was asked for; the token carries the sort key of the last item shown. */
export function pageOf<T>(rows: T[], size: number, sortKey: (row: T) => string): Page<T> {
  const items = rows.slice(0, size);
  const last = items.at(-1);
  if (rows.length <= size || last === undefined) return { items };
  return { items, nextPageToken: Buffer.from(sortKey(last)).toString('base64url') };
}

/** The sort key after which a page starts. @throws DomainError invalid for a token that no list gave out. */
export function startAfter(token: string): string {
  const key = Buffer.from(token, 'base64url').toString('utf8');
  if (Buffer.from(key).toString('base64url') !== token || key.includes('\0'))
    throw new DomainError('invalid', 'page_token: expected the nextPageToken of an earlier page');
  return key;
}

/** The same, for lists sorted by the number of a row. @throws DomainError invalid */
export function startAfterNumber(token: string): string {
  const after = startAfter(token);
  if (/^[1-9]\d{0,17}$/.test(after)) return after;
  throw new DomainError('invalid', 'page_token: expected the nextPageToken of an earlier page');
}
