import { z } from 'zod';
import type { ErrorCode } from '@app/core';

/** Every code as an HTTP status; a new code does not compile until it has one. */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  rate_limited: 429,
  unavailable: 502,
  timeout: 504,
};

/** An error on the REST door (RFC 9457), with our `code`. */
export const Problem = z
  .object({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string(),
    requestId: z.string(),
    problems: z
      .array(
        z.object({
          path: z.string().describe('JSON Pointer into the document that was sent; empty: all of it.'),
          message: z.string(),
          suggestion: z.string().optional(),
        }),
      )
      .optional()
      .describe('All that is wrong with a document, each at its place.'),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;
