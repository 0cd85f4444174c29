export interface OutboundLimits {
  /** Decoded bytes of a whole body; by default 16 MiB, and 256 MiB for event streams, which may go on for hours. */
  readonly maxBytes?: number;
  /** From the sent request to the headers of the answer, milliseconds. */
  readonly headersMs: number;
  /** Between two chunks of a body, whoever is slow, sender or reader; milliseconds. */
  readonly idleMs: number;
}

export const DEFAULT_LIMITS: OutboundLimits = { headersMs: 60_000, idleMs: 120_000 };

const MAX_BODY_BYTES = 16 * 1_024 * 1_024;
const MAX_EVENT_STREAM_BYTES = 256 * 1_024 * 1_024;

export function maxBytesOf(limits: OutboundLimits, headers: Headers): number {
  const isEventStream = headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  return limits.maxBytes ?? (isEventStream ? MAX_EVENT_STREAM_BYTES : MAX_BODY_BYTES);
}
