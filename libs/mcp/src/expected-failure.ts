import { DomainError } from '@app/core';
import { isDatabaseAway } from '@app/database';

/** What the caller can act on, in words; undefined for a bug. */
export function expectedFailure(error: unknown): string | undefined {
  if (error instanceof DomainError) return `${error.code}: ${error.message}`;
  return isDatabaseAway(error) ? 'unavailable: the database cannot be reached; try again soon' : undefined;
}
