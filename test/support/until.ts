import { setTimeout as sleep } from 'node:timers/promises';

type Nothing = undefined | null | false;

/** Waits until `probe` gives something true, and fails in words when it does not. */
export async function until<T>(
  what: string,
  probe: () => T | Nothing | Promise<T | Nothing>,
  withinMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await sleep(20);
  }
}
