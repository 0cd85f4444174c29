/** Everything that is bounded at this door. Reaching one is told: in a close reason, or in a JSON-RPC error. */
export const LIMITS = {
  /** Of one message from a client. */
  messageBytes: 1 << 20,
  jsonDepth: 64,
  batchMessages: 16,
  /** Requests of one connection that are being answered at the same time. */
  requestsInFlight: 32,
  /** Requests that one connection follows at the same time. */
  subscriptions: 100,
  /** Wrong keys on one connection. */
  failedAuthentications: 3,
  connectionsPerPrincipal: 1_000,
  /** Of all strangers together. */
  unauthenticatedConnections: 1_000,
  /** What may wait for a client that reads slowly: with more, its streams pause. */
  unsentBytes: 1 << 20,
  /** How long they may pause. */
  slowMs: 30_000,
  /** A ping that was not answered when the next one is due ends the connection. */
  pingMs: 30_000,
  /** Without a message and without a stream. */
  idleMs: 60 * 60_000,
  unauthenticatedIdleMs: 10 * 60_000,
  /** How long a stream waits for somebody to answer what the agent asked. */
  waitingMs: 60 * 60_000,
  /** How often the credentials behind open connections are asked about: so soon a revoked key ends them. */
  credentialsMs: 2_000,
  /** How long a client may take to answer a close, and a running request to be answered when the server stops. */
  closeGraceMs: 5_000,
} as const;
