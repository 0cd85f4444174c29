/** Everything that is bounded. Reaching one is answered with a message that says which, or logged as a warning. */
export interface Limits {
  /** Of one HTTP body or one frame. */
  readonly bodyBytes: number;
  /** From the headers to the last byte of a body. Checked at each `keepAliveMs`. */
  readonly bodyTimeoutMs: number;
  readonly jsonDepth: number;
  readonly batchMessages: number;
  /** Open GET and listen streams and frame connections. */
  readonly streamsPerPrincipal: number;
  /** How often an open stream is sent a comment, so that no proxy takes it for dead. */
  readonly keepAliveMs: number;
  /** What may wait in a stream for a slow client before the stream ends. */
  readonly unsentBytes: number;
  /** How long a client may take nothing of what waits for it. */
  readonly drainTimeoutMs: number;
  /** How long a pushed question (elicitation, sampling, roots) waits for its answer. */
  readonly questionTimeoutMs: number;
  /** How often one legacy request may ask. */
  readonly questionRounds: number;
  /** How long a modern client may take to answer `input_required`. Nothing is held meanwhile. */
  readonly requestStateTtlMs: number;
  readonly sessionTtlMs: number;
  /** Verified session ids that are remembered: beyond it a session is verified again. */
  readonly verifiedSessions: number;
  /** Log levels and resource subscriptions are forgotten beyond this many sessions. */
  readonly rememberedSessions: number;
  /** Deleted sessions that are remembered until they would expire. */
  readonly revokedSessions: number;
  readonly subscriptionsPerSession: number;
  /** How long `close()` waits for requests that are being answered. */
  readonly closeGraceMs: number;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

export const DEFAULT_LIMITS: Limits = {
  bodyBytes: 4 * 1024 * 1024,
  bodyTimeoutMs: 30_000,
  jsonDepth: 64,
  batchMessages: 16,
  streamsPerPrincipal: 32,
  keepAliveMs: 15_000,
  unsentBytes: 1024 * 1024,
  drainTimeoutMs: 30_000,
  questionTimeoutMs: 10 * MINUTE,
  questionRounds: 10,
  requestStateTtlMs: 60 * MINUTE,
  sessionTtlMs: 7 * DAY,
  verifiedSessions: 2_000,
  rememberedSessions: 10_000,
  revokedSessions: 10_000,
  subscriptionsPerSession: 100,
  closeGraceMs: 10_000,
};
