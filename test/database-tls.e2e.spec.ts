import { migrate } from '@app/database';
import { expect, test } from 'vitest';
import { databaseConfig } from './support/database-app.js';
import { newDatabase } from './support/database.js';
import { captureLog } from './support/log-lines.js';
import { CA_FILE, startTlsDoor } from './support/tls-door.js';

/** The door's certificate is for `localhost`, from an authority that only the CA file makes known. */
test.each([
  ['disable', 'without a CA', 'localhost', 'plain'],
  ['require', 'without a CA', '127.0.0.1', 'encrypted'],
  ['require', 'with its CA', '127.0.0.1', 'encrypted'],
  ['verify-ca', 'with its CA', '127.0.0.1', 'encrypted'],
  ['verify-full', 'with its CA', 'localhost', 'encrypted'],
] as const)('sslmode %s %s accepts host %s, %s', async (sslMode, ca, host, kind) => {
  await using database = await newDatabase();
  using door = await startTlsDoor(database.url);

  await migrate(databaseConfig({ DATABASE_URL: door.urlVia(host), ...tls(sslMode, ca) }), []);

  expect(door.opened[kind]).toBeGreaterThan(0);
  expect(door.opened[kind === 'plain' ? 'encrypted' : 'plain']).toBe(0);
});

test.each([
  ['verify-full', 'with its CA', '127.0.0.1', /Hostname\/IP does not match certificate's altnames/],
  ['verify-full', 'without a CA', 'localhost', /unable to verify the first certificate/],
  ['verify-ca', 'without a CA', 'localhost', /unable to verify the first certificate/],
] as const)('sslmode %s %s refuses host %s at once', async (sslMode, ca, host, reason) => {
  await using database = await newDatabase();
  using door = await startTlsDoor(database.url);
  using _log = captureLog();

  const connecting = migrate(databaseConfig({ DATABASE_URL: door.urlVia(host), ...tls(sslMode, ca) }), []);

  await expect(connecting).rejects.toThrow(reason);
  await expect(connecting).rejects.toMatchObject({ name: 'DatabaseStartError' });
});

test('sslmode and sslrootcert of the URL win', async () => {
  await using database = await newDatabase();
  using door = await startTlsDoor(database.url);
  const url = `${door.urlVia('localhost')}?sslmode=verify-full&sslrootcert=${encodeURIComponent(CA_FILE)}`;

  await migrate(databaseConfig({ DATABASE_URL: url, POSTGRES_SSLMODE: 'disable' }), []);

  expect(door.opened).toMatchObject({ plain: 0 });
});

test('a PostgreSQL without TLS is refused at once when TLS is asked for', async () => {
  await using database = await newDatabase();
  using _log = captureLog();

  const connecting = migrate(databaseConfig({ DATABASE_URL: database.url, POSTGRES_SSLMODE: 'require' }), []);

  await expect(connecting).rejects.toThrow('The server does not support SSL connections');
});

function tls(sslMode: string, ca: 'with its CA' | 'without a CA') {
  return { POSTGRES_SSLMODE: sslMode, POSTGRES_SSLROOTCERT: ca === 'with its CA' ? CA_FILE : '' };
}
