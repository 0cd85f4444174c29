import type { LimitState } from '@app/core';

/** What a 429 says about when to come again (RFC 9110 §10.2.3 and the `RateLimit-*` fields of the IETF draft). */
export const limitHeaders = ({ burst, retryAfterSeconds, resetSeconds }: LimitState): Record<string, string> => ({
  'retry-after': String(retryAfterSeconds),
  'ratelimit-limit': String(burst),
  'ratelimit-remaining': '0',
  'ratelimit-reset': String(resetSeconds),
});
