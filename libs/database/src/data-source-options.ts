import type { PoolConfig } from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { type PoolWatch, watchedDriver } from './pool-watch.js';
import { StatementLog } from './statement-log.js';

/** One way to open a DataSource, for the server and for migrations. */
export function dataSourceOptions(connection: PoolConfig, watch: PoolWatch, slowStatementMs: number) {
  return {
    type: 'postgres',
    url: connection.connectionString,
    poolSize: connection.max,
    extra: connection,
    driver: watchedDriver(watch),
    poolErrorHandler: () => undefined, // an idle connection was cut; the next statement opens another, or says why not
    uuidExtension: 'pgcrypto', // gen_random_uuid(), which is in the box; nothing is installed
    installExtensions: false,
    logger: new StatementLog(),
    maxQueryExecutionTime: slowStatementMs,
  } as const satisfies DataSourceOptions;
}
