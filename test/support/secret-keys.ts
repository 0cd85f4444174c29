import { createHash } from 'node:crypto';

/** A key ring for tests: looks random, and is the same each time. */
export const SECRET_KEYS = `k1:${createHash('sha256').update('a key of the tests').digest('base64')}`;
