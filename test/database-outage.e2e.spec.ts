import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDatabaseApp } from './support/database-app.js';
import { elapsed } from './support/elapsed.js';
import { captureLog } from './support/log-lines.js';
import { startOwnPostgres, temporaryDirectory } from './support/own-postgres.js';
import { until } from './support/until.js';

const directory = temporaryDirectory();
let postgres: Awaited<ReturnType<typeof startOwnPostgres>>;

beforeAll(async () => {
  using _log = captureLog();
  postgres = await startOwnPostgres(directory.path);
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

test('PostgreSQL goes away and comes back: it is told, and no restart is needed', async () => {
  const url = postgres.url.replace('a2a@', 'a2a:hush-hush@');
  await using app = await startDatabaseApp({ DATABASE_URL: url });
  using log = captureLog();
  const said = (message: string) => log.lines.filter((line) => line.message === message);
  let heard = 0;
  app.revisions.watch('agents', () => void heard++);

  await postgres.stop();
  await until('the log says so', () => said('Cannot connect to database').length > 0);
  expect(await app.health.check()).toMatchObject({ state: 'down', migrations: 'current' });
  await expect(app.dataSource.query('select 1')).rejects.toThrow('ENOENT');

  await postgres.startAgain();
  await until('it is reachable again', async () => (await app.health.check()).state === 'up');
  await app.dataSource.transaction((manager) => app.revisions.bump(manager, 'agents'));
  await until('revisions go on', () => heard === 1);

  expect(said('Cannot connect to database')).toMatchObject([
    // Asked while it ends, it says so or hangs up; afterwards its socket is gone.
    { level: 'ERROR', cause: expect.stringMatching(/ENOENT|57P0[13]|ECONNRESET|terminated unexpectedly/) },
  ]);
  expect(said('Database is reachable again')).toMatchObject([{ level: 'INFO' }]);
  expect(JSON.stringify(log.lines)).not.toContain('hush-hush');
});

test('PostgreSQL freezes: nothing hangs, and afterwards everything goes on', async () => {
  const limits = { DATABASE_STATEMENT_TIMEOUT_MS: '500', DATABASE_CONNECT_TIMEOUT_MS: '1000' };
  await using app = await startDatabaseApp({ DATABASE_URL: postgres.url, ...limits });
  await app.dataSource.query('select 1');
  using log = captureLog();

  postgres.freeze();
  const checks = await Promise.all([1, 2, 3].map(() => elapsed(() => app.health.check())));
  const statement = await elapsed(() => app.dataSource.query('select 1').catch((error: Error) => error));
  postgres.thaw();

  for (const { value, ms } of checks) {
    expect(value).toMatchObject({ state: 'down', detail: expect.any(String) });
    expect(ms).toBeLessThan(2_000);
  }
  expect(statement.value).toBeInstanceOf(Error);
  expect(statement.ms).toBeLessThan(3_000);
  await until('it is up again', async () => (await app.health.check()).state === 'up');
  expect(await app.dataSource.query('select 1 as one')).toEqual([{ one: 1 }]);
  expect(log.lines.filter(({ message }) => message === 'Connection pool exhausted')).toEqual([]);
});

test('a connection that hangs is not used again', async () => {
  const limits = { DATABASE_STATEMENT_TIMEOUT_MS: '500' };
  await using app = await startDatabaseApp({ DATABASE_URL: postgres.url, ...limits });
  const processOf = async () => {
    const rows = (await app.dataSource.query('select pg_backend_pid() as pid')) as { pid: number }[];
    return rows[0]?.pid ?? 0;
  };
  const hung = await processOf();

  process.kill(hung, 'SIGSTOP');
  await expect(app.dataSource.query('select 1')).rejects.toThrow('Query read timeout');
  const next = await elapsed(processOf);
  process.kill(hung, 'SIGCONT');

  expect(next.value).not.toBe(hung);
  // What hangs is found out only after 2.5 s.
  expect(next.ms).toBeLessThan(2_000);
});

test('a server that starts before its database waits for it', async () => {
  await postgres.stop();
  using log = captureLog();

  const starting = startDatabaseApp({ DATABASE_URL: postgres.url });
  await until('it has tried in vain', () => log.lines.some(({ message }) => message === 'Cannot connect to database'));
  await postgres.startAgain();
  await using app = await starting;

  expect(await app.health.check()).toMatchObject({ state: 'up', migrations: 'current' });
});

test('a process can stop while PostgreSQL is frozen', async () => {
  const app = await startDatabaseApp({ DATABASE_URL: postgres.url });
  await Promise.all([1, 2, 3].map(() => app.dataSource.query('select 1')));

  postgres.freeze();
  await sleep(700); // a poll is under way by now, and other connections are idle
  const { ms } = await elapsed(() => app[Symbol.asyncDispose]());

  postgres.thaw();

  expect(ms).toBeLessThan(5_000);
});
