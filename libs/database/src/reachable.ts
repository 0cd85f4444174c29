import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type PoolConfig } from 'pg';
import { shownAddress } from './connection-options.js';
import type { PoolWatch } from './pool-watch.js';
import { isRefusedForGood } from './sqlstate.js';
import { DatabaseStartError } from './start-error.js';

/** Servers and their database are often started together. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 250;
const OLDEST_VERSION = 14;

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
      if (isRefusedForGood(error) || Date.now() > deadline)
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
