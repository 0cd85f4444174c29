import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseAway } from '@app/database';

const RETRY_MS = 200;
/** PostgreSQL gave up one of two that waited for each other, or took too long: the same again may succeed. */
const PASSING = new Set(['40P01', '40001', '57014']);

/**
 * Does it again for as long as the database is away: nobody else can have taken the run over meanwhile.
 * @param isLost nobody needs it any more. @throws whatever does not pass
 */
export async function patiently<T>(isLost: () => boolean, work: (tries: number) => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work(tries);
    } catch (cause) {
      if (isLost() || !isPassing(cause)) throw cause;
      await sleep(RETRY_MS);
    }
  }
}

function isPassing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return isDatabaseAway(error) || PASSING.has(code);
}
