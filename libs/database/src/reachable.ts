import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type PoolConfig } from 'pg';
import { shownAddress } from './connection-options.js';
import type { PoolWatch } from './pool-watch.js';
import { codeOf } from './sqlstate.js';
import { DatabaseStartError } from './start-error.js';

/** Servers and their database are often started together. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 250;
const OLDEST_VERSION = 14;

/** Waiting mends none of these. */
const HOPELESS = new Set([
  '28000', // no such role, or pg_hba.conf says no
  '28P01', // wrong password
  '3D000', // no such database
  '42501', // may not connect to it
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);
const NO_TLS_THERE = 'The server does not support SSL connections';

/** Waits for a PostgreSQL that takes our connection, and is new enough. @throws DatabaseStartError */
export async function waitUntilReachable(
  connection: PoolConfig,
  watch: PoolWatch,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const address = shownAddress(connection.connectionString ?? '');
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      const version = await serverVersion(connection);
      watch.succeeded();
      if (version >= OLDEST_VERSION) return;
      throw new DatabaseStartError(
        `The database at ${address} is PostgreSQL ${version}; ${OLDEST_VERSION} or newer is needed.`,
      );
    } catch (error) {
      if (error instanceof DatabaseStartError) throw error;
      watch.failed(error);
      if (isHopeless(error) || Date.now() > deadline)
        throw new DatabaseStartError(`Cannot connect to database at ${address}: ${reasonOf(error)}`, { cause: error });
    }
    await sleep(RETRY_MS);
  }
}

/** Node's error for a name with several addresses has no message of its own. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

function isHopeless(error: unknown): boolean {
  return HOPELESS.has(codeOf(error) ?? '') || (error instanceof Error && error.message === NO_TLS_THERE);
}

async function serverVersion(connection: PoolConfig): Promise<number> {
  const client = new pg.Client(connection);
  client.on('error', () => undefined); // the query tells
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string }>(`select current_setting('server_version_num') as version`);
    return Math.floor(Number(rows[0]?.version) / 10_000);
  } finally {
    void client.end().catch(() => undefined);
  }
}
