import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isUniqueViolation, migrate } from '@app/database';
import { migrations } from '@migrations';
import pg from 'pg';
import { DataSource, getMetadataArgsStorage, type MigrationInterface, type QueryRunner } from 'typeorm';
import { describe, expect, test } from 'vitest';
import { databaseConfig, startDatabaseApp } from './support/database-app.js';
import { emptyDatabase, newDatabase } from './support/database.js';
import { captureLog } from './support/log-lines.js';
import { until } from './support/until.js';

describe('migrations', () => {
  test('four first starts at once on an empty database migrate it once', async () => {
    await using database = await emptyDatabase();
    const config = databaseConfig({ DATABASE_URL: database.url });
    using _log = captureLog();

    const ran = await Promise.all([1, 2, 3, 4].map(() => migrate(config, migrations)));

    const names = migrations.map((Migration) => new Migration().name);
    expect(ran.flat()).toEqual(names);
    const recorded = await query(database.url, 'select name from migrations order by id');
    expect(recorded).toEqual(names.map((name) => ({ name })));
  });

  test('who waits for the migrating process is in no statement, so an index can be built concurrently', async () => {
    await using database = await emptyDatabase();
    const config = databaseConfig({ DATABASE_URL: database.url });
    using _log = captureLog();

    await Promise.all([1, 2, 3].map(() => migrate(config, [BuildsIndexConcurrently])));

    expect(
      await query(database.url, `select indisvalid from pg_index where indexrelid = 'idx_built'::regclass`),
    ).toEqual([{ indisvalid: true }]);
  });

  test('a server starts on a schema that is ahead of it', async () => {
    await using database = await newDatabase();
    await query(database.url, `insert into migrations (timestamp, name) values (9999999999999, 'Next9999999999999')`);

    await using app = await startDatabaseApp({ DATABASE_URL: database.url });

    expect(await app.health.check()).toMatchObject({ state: 'up', migrations: 'ahead' });
  });

  test('with MIGRATE_AT_START=false a schema that is behind is told and not touched', async () => {
    await using database = await emptyDatabase();

    await using app = await startDatabaseApp({ DATABASE_URL: database.url, MIGRATE_AT_START: 'false' });

    expect(await app.health.check()).toMatchObject({ state: 'up', migrations: 'behind' });
    expect(await query(database.url, `select to_regclass('revisions') as found`)).toEqual([{ found: null }]);
  });

  test('entities and migrations describe the same tables', async () => {
    await loadEntities();
    await using database = await newDatabase();
    const entities = getMetadataArgsStorage().tables.flatMap(({ target }) =>
      typeof target === 'string' ? [] : target,
    );
    const options = { type: 'postgres', url: database.url, entities } as const;
    const dataSource = await new DataSource({
      ...options,
      uuidExtension: 'pgcrypto',
      installExtensions: false,
    }).initialize();

    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    await dataSource.destroy();

    expect(upQueries.map((change) => change.query)).toEqual([]);
  });
});

describe('connections', () => {
  test('are told apart by process in pg_stat_activity', async () => {
    await using database = await newDatabase();
    await using app = await startDatabaseApp({ DATABASE_URL: database.url });

    const rows = await app.dataSource.query(`select current_setting('application_name') as name`);

    expect(rows).toEqual([{ name: expect.stringMatching(new RegExp(`^a2a-mcp-server@.+/${process.pid}$`)) }]);
  });

  test('all in use: the next caller fails in time, health answers, log and gauges say so', async () => {
    await using database = await newDatabase();
    const limits = { DATABASE_POOL_SIZE: '2', DATABASE_CONNECT_TIMEOUT_MS: '1000' };
    await using app = await startDatabaseApp({ DATABASE_URL: database.url, ...limits });
    const runners = [app.dataSource.createQueryRunner(), app.dataSource.createQueryRunner()];
    await Promise.all(runners.map((runner) => runner.connect()));
    using log = captureLog();

    const refused = [app.dataSource.query('select 1'), app.dataSource.query('select 1')];
    const checks = [app.health.check(), app.health.check()];
    expect(await gauges(app.metrics)).toEqual({ size: 2, used: 2, waiting: 3 }); // the checks share one question
    const outcomes = await Promise.allSettled(refused);
    const states = await Promise.all(checks);
    await Promise.all(runners.map((runner) => runner.release()));

    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(states).toMatchObject([{ state: 'down' }, { state: 'down' }]);
    const lines = log.lines.filter(({ message }) => message === 'Connection pool exhausted');
    expect(lines).toMatchObject([{ level: 'ERROR' }]);
    expect(await app.health.check()).toMatchObject({ state: 'up', detail: undefined });
    expect(await gauges(app.metrics)).toEqual({ size: 2, used: 0, waiting: 0 });
  });

  test('to a database that is not there fail at once, with its address and without the password', async () => {
    await using database = await newDatabase();
    const url = new URL(database.url);
    url.pathname = '/nowhere';
    url.password = 'hush-hush';
    using log = captureLog();

    const start = startDatabaseApp({ DATABASE_URL: url.href });

    await expect(start).rejects.toThrow(/Cannot connect to database at .*\/nowhere: database "nowhere" does not exist/);
    await expect(start).rejects.not.toThrow('hush-hush');
    expect(JSON.stringify(log.lines)).not.toContain('hush-hush');
  });
});

describe('statements', () => {
  test('that take too long are ended by PostgreSQL, and logged without their values', async () => {
    await using database = await newDatabase();
    await using app = await startDatabaseApp({ DATABASE_URL: database.url, DATABASE_STATEMENT_TIMEOUT_MS: '1000' });
    using log = captureLog();

    await expect(app.dataSource.query('select pg_sleep(30), $1::text', ['their value'])).rejects.toThrow(
      'statement timeout',
    );

    expect(log.lines).toMatchObject([
      { level: 'WARN', message: 'Statement timed out', sql: 'select pg_sleep(30), $1::text' },
    ]);
    expect(JSON.stringify(log.lines)).not.toContain('their value');
  });

  test('that are slow are logged without their values', async () => {
    await using database = await newDatabase();
    await using app = await startDatabaseApp({ DATABASE_URL: database.url, DATABASE_SLOW_STATEMENT_MS: '1000' });
    using log = captureLog();

    await app.dataSource.query(`select pg_sleep(1.1), 'a literal', $1::text`, ['their value']);
    await app.dataSource.query('select 1');

    expect(log.lines).toMatchObject([
      { level: 'WARN', message: 'Slow statement', sql: 'select pg_sleep(1.1), ?, $1::text' },
    ]);
    expect(log.lines[0]?.ms).toBeGreaterThanOrEqual(1_100);
  });

  test('that break a unique constraint can be told from others', async () => {
    await using database = await newDatabase();
    await using app = await startDatabaseApp({ DATABASE_URL: database.url });
    const insert = () => app.dataSource.query(`insert into revisions values ('twice', 1)`);
    await insert();

    expect(await insert().then(() => undefined, isUniqueViolation)).toBe(true);
    expect(await app.dataSource.query('select 1 / 0').then(() => undefined, isUniqueViolation)).toBe(false);
  });
});

describe('revisions', () => {
  test('another replica hears of a change when it is committed, and only then', async () => {
    await using database = await newDatabase();
    await using here = await startDatabaseApp({ DATABASE_URL: database.url });
    await using there = await startDatabaseApp({ DATABASE_URL: database.url });
    let heard = 0;
    there.revisions.watch('agents', () => void heard++);

    await here.dataSource.transaction(async (manager) => {
      await here.revisions.bump(manager, 'agents');
      await there.revisions.check();
      expect(heard).toBe(0);
    });
    await until('the change is heard of without asking', () => heard === 1);
    await here.dataSource.transaction((manager) => here.revisions.bump(manager, 'agents'));
    await there.revisions.check();
    await there.revisions.check();
    expect(heard).toBe(2);
  });

  test('a change that is rolled back, or of another topic, is nobody’s business', async () => {
    await using database = await newDatabase();
    await using app = await startDatabaseApp({ DATABASE_URL: database.url });
    let heard = 0;
    app.revisions.watch('agents', () => void heard++);

    const failing = app.dataSource.transaction(async (manager) => {
      await app.revisions.bump(manager, 'agents');
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    await app.dataSource.transaction((manager) => app.revisions.bump(manager, 'keys'));
    await app.revisions.check();

    expect(heard).toBe(0);
  });

  test('a listener that fails is asked again; one that stopped watching is not', async () => {
    await using database = await newDatabase();
    await using app = await startDatabaseApp({ DATABASE_URL: database.url });
    using log = captureLog();
    let attempts = 0;
    const unwatch = app.revisions.watch('agents', () => {
      attempts++;
      if (attempts < 3) throw new Error('not yet');
    });

    await app.dataSource.transaction((manager) => app.revisions.bump(manager, 'agents'));
    await until('the third attempt', () => attempts === 3);
    unwatch();
    await app.dataSource.transaction((manager) => app.revisions.bump(manager, 'agents'));
    await app.revisions.check();

    expect(attempts).toBe(3);
    expect(log.lines.filter(({ level }) => level === 'ERROR')).toHaveLength(2);
  });
});

/** Takes long enough for others to come and wait, and needs that they hold no snapshot. */
class BuildsIndexConcurrently implements MigrationInterface {
  readonly name = 'BuildsIndexConcurrently1763800000000';
  readonly transaction = false;

  async up(db: QueryRunner): Promise<void> {
    await db.query('create table built (id integer)');
    await sleep(500);
    await db.query('create index concurrently idx_built on built (id)');
  }

  async down(): Promise<void> {}
}

/** Every entity of every lib, so that none can be forgotten here. */
async function loadEntities(): Promise<void> {
  const libs = join(import.meta.dirname, '../libs');
  const files = readdirSync(libs, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.entity.ts'));
  await Promise.all(files.map((file) => import(/* @vite-ignore */ join(libs, file))));
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function gauges({ databaseConnections }: Awaited<ReturnType<typeof startDatabaseApp>>['metrics']) {
  const { values } = await databaseConnections.get();
  return Object.fromEntries(values.map(({ labels, value }) => [labels.state, value]));
}
