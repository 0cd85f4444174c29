import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Config } from '@app/config';
import { DataSource } from 'typeorm';
import { Backups } from './backups.js';
import { dataSourceOptions } from './data-source-options.js';
import { DatabaseHealth, MIGRATIONS } from './database-health.js';
import { bringUpToDate, type Migrations } from './migrator.js';
import { PoolWatch } from './pool-watch.js';
import { Postgres } from './postgres.js';
import { waitUntilReachable } from './reachable.js';
import { Revisions } from './revisions.js';

/** The one DataSource. Whoever gets it injected can rely on its schema. */
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(
    private readonly dataSource: DataSource,
    private readonly postgres: Postgres,
  ) {}

  static forRoot(migrations: Migrations): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [Config, Postgres, PoolWatch],
          useFactory: (config: Config, postgres: Postgres, watch: PoolWatch) =>
            openedOptions(config, postgres, watch, migrations),
        }),
      ],
      providers: [
        { provide: Postgres, inject: [Config], useFactory: (config: Config) => Postgres.open(config) },
        { provide: MIGRATIONS, useValue: migrations },
        PoolWatch,
        DatabaseHealth,
        Revisions,
        Backups,
      ],
      exports: [Postgres, PoolWatch, DatabaseHealth, Revisions],
    };
  }

  /** In this order: an embedded PostgreSQL goes last. */
  async onApplicationShutdown(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    await this.postgres.stop();
  }
}

async function openedOptions(config: Config, postgres: Postgres, watch: PoolWatch, migrations: Migrations) {
  await waitUntilReachable(postgres.connection, watch);
  if (config.database.migrateAtStart) await bringUpToDate(postgres.connection, migrations, watch);
  return {
    ...dataSourceOptions(postgres.connection, watch, config.database.slowStatementMs),
    autoLoadEntities: true,
    toRetry: () => false, // it answered a moment ago
  };
}
