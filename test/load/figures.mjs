export const median = (values) => percentile(values, 0.5);

export function percentile(values, part) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

/** What a run of calls came to. @param latencies milliseconds each */
export function summary(latencies, elapsedMs) {
  return {
    calls: latencies.length,
    perSecond: (latencies.length / elapsedMs) * 1_000,
    p50: percentile(latencies, 0.5),
    p95: percentile(latencies, 0.95),
    p99: percentile(latencies, 0.99),
  };
}

/** Milliseconds that processes of one machine agree on, more exactly than `Date.now()`. */
export const now = () => performance.timeOrigin + performance.now();
