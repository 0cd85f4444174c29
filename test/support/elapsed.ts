const TICK_MS = 10;

/**
 * What came of it, and how long it took, without the time in which this process did not run: what else the machine does is
 * not what is measured.
 */
export async function elapsed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const startedAt = performance.now();
  let tickedAt = startedAt;
  let stalledMs = 0;
  const tick = () => {
    const now = performance.now();
    stalledMs += Math.max(0, now - tickedAt - 2 * TICK_MS);
    tickedAt = now;
  };
  const clock = setInterval(tick, TICK_MS);
  try {
    const value = await work();
    tick();
    return { value, ms: tickedAt - startedAt - stalledMs };
  } finally {
    clearInterval(clock);
  }
}
