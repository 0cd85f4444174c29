import { until } from '../../support/until.js';

/** A change holds on every replica by then, docs/permissions.md. */
export const PROMISED_MS = 1_000;
const LATE_MS = 10_000;

/**
 * Waits until a change holds elsewhere. Of several times the shortest is to be held to the promise: a machine that many
 * tests share makes some of them longer, a product that is late makes all of them.
 * @returns after how many milliseconds it did
 */
export async function spreadMs(what: string, holds: () => Promise<boolean>): Promise<number> {
  const changed = performance.now();
  await until(what, holds, LATE_MS);
  return performance.now() - changed;
}
