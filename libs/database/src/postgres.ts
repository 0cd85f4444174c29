import type { Config } from '@app/config';
import { Log } from '@app/telemetry';
import type { PoolConfig } from 'pg';
import { connectionOptions } from './connection-options.js';
import { EmbeddedPostgres } from './embedded-postgres.js';

/** Beyond the pool: migrations, and a person with psql. */
const SPARE_CONNECTIONS = 20;

const log = new Log('Database');

/** The PostgreSQL of this process, given or embedded. */
export class Postgres {
  private constructor(
    readonly connection: PoolConfig,
    readonly stop: () => Promise<void>,
  ) {}

  /** With its password: not to be shown. */
  get url(): string {
    return this.connection.connectionString ?? '';
  }

  /** @throws DatabaseStartError */
  static async open(config: Config): Promise<Postgres> {
    if (config.postgres !== undefined)
      return new Postgres(connectionOptions(config.postgres, config.database), () => Promise.resolve());
    const embedded = await EmbeddedPostgres.start({
      dataDir: config.dataDir,
      maxConnections: config.database.poolSize + SPARE_CONNECTIONS,
      onLost: giveUp,
    });
    log.warn('No PostgreSQL is given, so the embedded one is used: one replica only', { dataDir: config.dataDir });
    const connection = connectionOptions({ url: embedded.url, sslMode: 'disable' }, config.database);
    return new Postgres(connection, () => embedded.stop());
  }
}

/** Whoever started us starts us again, on a machine that is perhaps well by then. */
function giveUp(error: Error): void {
  log.error('The embedded PostgreSQL keeps ending; this process ends too', { cause: error });
  process.exit(1);
}
