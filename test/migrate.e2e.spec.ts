import { expect, test } from 'vitest';
import { emptyDatabase, rows } from './support/database.js';
import { launch, startServer } from './support/server.js';

test('main.js migrate makes the schema, and a server that may not migrate serves on it', async () => {
  await using database = await emptyDatabase();
  const env = { DATABASE_URL: database.url };
  expect((await launch(env, ['migrate']).exited).code).toBe(0);
  expect((await launch(env, ['migrate']).exited).code).toBe(0);
  await using server = await startServer({ env: { ...env, MIGRATE_AT_START: 'false' } });
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  expect(await rows(database.url, 'select count(*)::int as n from agents')).toEqual([{ n: 0 }]);
});

test('main.js migrate says why it waits when the database is not there', async () => {
  const program = launch({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' }, ['migrate']);
  expect(await program.waitForLog(({ level }) => level === 'ERROR', 60_000)).toMatchObject({
    message: 'Cannot connect to database',
    cause: expect.stringContaining('ECONNREFUSED'),
  });
  program.child.kill('SIGKILL');
  await program.exited;
});

test('four servers that start at once on an empty database all serve', async () => {
  await using database = await emptyDatabase();
  const servers = await Promise.all(
    Array.from({ length: 4 }, () => startServer({ env: { DATABASE_URL: database.url } })),
  );
  for (const server of servers) {
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    await server.stop();
  }
}, 60_000);
