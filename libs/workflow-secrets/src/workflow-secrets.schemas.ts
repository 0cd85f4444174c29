import { z } from 'zod';
import { isDeeperThan } from '@app/core';
import { PageQuery } from '@app/web';

/** Of a value as JSON. */
export const MAX_VALUE_BYTES = 64 * 1_024;
const MAX_DEPTH = 32;

export const SecretName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,62}$/, 'expected a letter, then up to 62 letters, digits, and characters of "_.-"');

export const SecretInput = z
  .strictObject({
    value: z
      .unknown()
      .refine((value) => value !== undefined && value !== null, 'expected a JSON value other than null')
      .refine((value) => !isDeeperThan(value, MAX_DEPTH), `expected at most ${MAX_DEPTH} levels of JSON`)
      .describe(
        `Any JSON but null, of at most ${MAX_VALUE_BYTES} bytes; a text, or an object such as {username, password}.`,
      ),
  })
  .meta({ id: 'SecretInput' });
export type SecretInput = z.infer<typeof SecretInput>;

export const SecretView = z
  .object({
    name: z.string(),
    createdBy: z.string(),
    createdAt: z.iso.datetime(),
    updatedBy: z.string(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Secret' });
export type SecretView = z.infer<typeof SecretView>;

export const SecretPage = z
  .object({ items: z.array(SecretView), nextPageToken: z.string().optional() })
  .meta({ id: 'SecretPage' });

export const SecretQuery = PageQuery;
export type SecretQuery = z.infer<typeof SecretQuery>;
