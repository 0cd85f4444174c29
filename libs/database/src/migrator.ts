import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '@app/config';
import { Log, Metrics } from '@app/telemetry';
import type { PoolConfig } from 'pg';
import { DataSource, MigrationExecutor, type MigrationInterface, type QueryRunner } from 'typeorm';
import { dataSourceOptions } from './data-source-options.js';
import { PoolWatch } from './pool-watch.js';
import { Postgres } from './postgres.js';
import { waitUntilReachable } from './reachable.js';

/** In order; a released migration is never edited. */
export type Migrations = readonly (new () => MigrationInterface)[];

/** Any number, the same in every version. */
const LOCK = 727_001;
const LOCK_POLL_MS = 200;
/** Longest a migration may wait for a table; everybody who wants that table waits behind it. */
const TABLE_LOCK_MS = 10_000;

const log = new Log('Migrations');

/** `main.js migrate`: brings the schema up to date and ends. @returns the names of the migrations that ran */
export async function migrate(config: Config, migrations: Migrations): Promise<string[]> {
  const postgres = await Postgres.open(config);
  const watch = new PoolWatch(new Metrics());
  try {
    await waitUntilReachable(postgres.connection, watch);
    return await bringUpToDate(postgres.connection, migrations, watch);
  } finally {
    await postgres.stop();
  }
}

/** Runs what is missing; of several processes one does it and the others wait. A schema that is ahead is left alone. */
export async function bringUpToDate(
  connection: PoolConfig,
  migrations: Migrations,
  watch: PoolWatch,
): Promise<string[]> {
  const unlimited = { statement_timeout: 0, query_timeout: 0, lock_timeout: TABLE_LOCK_MS, max: 2 };
  const dataSource = new DataSource({
    ...dataSourceOptions({ ...connection, ...unlimited }, watch, Infinity),
    migrations: [...migrations],
  });
  await dataSource.initialize();
  try {
    const runner = dataSource.createQueryRunner();
    const executor = new MigrationExecutor(dataSource, runner);
    executor.transaction = 'each';
    return await runUnderLock(executor, runner);
  } finally {
    await dataSource.destroy(); // and with its connection goes the lock
  }
}

/**
 * The lock is asked for again and again, not waited for: whoever waits inside a statement holds a snapshot, and
 * `create index concurrently` would wait for that snapshot's end. It lives on the connection that runs the migrations.
 */
async function runUnderLock(executor: MigrationExecutor, runner: QueryRunner): Promise<string[]> {
  let waiting = false;
  while ((await executor.getPendingMigrations()).length > 0) {
    if (await tryLock(runner)) return runPending(executor);
    if (!waiting) log.info('Another process is migrating the schema; waiting for it');
    waiting = true;
    await sleep(LOCK_POLL_MS);
  }
  return [];
}

async function tryLock(runner: QueryRunner): Promise<boolean> {
  const rows = (await runner.query('select pg_try_advisory_lock($1) as locked', [LOCK])) as { locked: boolean }[];
  return rows[0]?.locked === true;
}

async function runPending(executor: MigrationExecutor): Promise<string[]> {
  const names = (await executor.executePendingMigrations()).map((migration) => migration.name);
  if (names.length > 0) log.info('Migrations ran', { migrations: names });
  return names;
}
