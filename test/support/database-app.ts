import { NestFactory } from '@nestjs/core';
import { Config, ConfigModule } from '@app/config';
import { DatabaseHealth, DatabaseModule, type Migrations, Revisions } from '@app/database';
import { configureLog, Metrics, TelemetryModule } from '@app/telemetry';
import { migrations as ours } from '@migrations';
import { DataSource } from 'typeorm';
import { SECRET_KEYS } from './secret-keys.js';

/** The configuration of a process with a given PostgreSQL. */
export function databaseConfig(env: Record<string, string>): Config {
  return Config.load({ SECRET_KEYS, ...env });
}

/** One replica's database module, without the rest of the server. */
export async function startDatabaseApp(env: Record<string, string>, migrations: Migrations = ours) {
  configureLog({ level: 'info', json: true });
  class Root {}
  const imports = [ConfigModule.forRoot(databaseConfig(env)), TelemetryModule, DatabaseModule.forRoot(migrations)];
  const app = await NestFactory.createApplicationContext(
    { module: Root, imports },
    { logger: false, abortOnError: false },
  );
  return {
    dataSource: app.get(DataSource),
    health: app.get(DatabaseHealth),
    revisions: app.get(Revisions),
    metrics: app.get(Metrics),
    [Symbol.asyncDispose]: () => app.close(),
  };
}
