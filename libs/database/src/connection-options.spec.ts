import { expect, test } from 'vitest';
import { applicationName, connectionOptions, shownAddress } from './connection-options.js';

const database = {
  poolSize: 7,
  connectTimeoutMs: 1_000,
  statementTimeoutMs: 2_000,
  slowStatementMs: 500,
  migrateAtStart: true,
};

test('the configured limits reach every connection, and a hung statement ends later than a slow one', () => {
  expect(connectionOptions({ url: 'postgres://u@db/app', sslMode: 'disable' }, database)).toMatchObject({
    connectionString: 'postgres://u@db/app',
    ssl: false,
    max: 7,
    connectionTimeoutMillis: 1_000,
    statement_timeout: 2_000,
    query_timeout: 4_000,
  });
});

test('an sslmode that promises nothing is refused with the ones that do', () => {
  expect(() => connectionOptions({ url: 'postgres://u@db/app?sslmode=prefer', sslMode: 'disable' }, database)).toThrow(
    'sslmode=prefer in DATABASE_URL is not supported; use disable, require, verify-ca, verify-full.',
  );
});

test('a CA file that cannot be read is named', () => {
  const server = { url: 'postgres://u@db/app', sslMode: 'verify-ca', sslRootCert: '/nowhere/ca.pem' } as const;
  expect(() => connectionOptions(server, database)).toThrow('(POSTGRES_SSLROOTCERT): /nowhere/ca.pem');
});

test('the application name tells host and process, and PostgreSQL keeps all of it', () => {
  expect(applicationName('web-1', 42)).toBe('a2a-mcp-server@web-1/42');
  const long = applicationName('a-host-name-'.repeat(10), 4_194_304);
  expect(long).toHaveLength(63);
  expect(long).toMatch(/\/4194304$/);
});

test('an address is shown without credentials', () => {
  expect(shownAddress('postgres://user:secret@db:5433/app')).toBe('db:5433/app');
  expect(shownAddress('postgres://user@localhost/app?host=/run/sockets')).toBe('/run/sockets/app');
});
