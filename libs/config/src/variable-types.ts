import { z } from 'zod';

/** Comma-separated. */
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/** Metadata of a variable whose value is never shown. */
export const secret = { secret: true };
