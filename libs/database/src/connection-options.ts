import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { Config, PostgresServer } from '@app/config';
import type { PoolConfig } from 'pg';
import { DatabaseStartError } from './start-error.js';

type SslMode = PostgresServer['sslMode'];

/** PostgreSQL cuts `application_name` after this many bytes. */
const APPLICATION_NAME_BYTES = 63;
/** PostgreSQL ends a statement at its time-out; one that it has not ended this much later hangs, and so does its connection. */
const HUNG_AFTER_MS = 2_000;

const TLS: Record<SslMode, (ca: string | undefined) => false | TlsOptions> = {
  disable: () => false,
  // With a CA at hand libpq's `require` checks the issuer too.
  require: (ca) => (ca === undefined ? { rejectUnauthorized: false } : TLS['verify-ca'](ca)),
  'verify-ca': (ca) => ({ rejectUnauthorized: true, ca, checkServerIdentity: () => undefined }),
  'verify-full': (ca) => ({ rejectUnauthorized: true, ca }),
};

/** How every connection of this process is opened. */
export function connectionOptions(server: PostgresServer, database: Config['database']): PoolConfig {
  const url = new URL(server.url);
  const sslMode = takeParameter(url, 'sslmode') ?? server.sslMode;
  const rootCert = takeParameter(url, 'sslrootcert') ?? server.sslRootCert;
  if (!isSslMode(sslMode))
    throw new DatabaseStartError(
      `sslmode=${sslMode} in DATABASE_URL is not supported; use ${Object.keys(TLS).join(', ')}.`,
    );
  return {
    connectionString: url.href,
    ssl: TLS[sslMode](rootCert === undefined ? undefined : readCertificates(rootCert)),
    application_name: applicationName(hostname(), process.pid),
    max: database.poolSize,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    connectionTimeoutMillis: database.connectTimeoutMs,
    statement_timeout: database.statementTimeoutMs,
    query_timeout: database.statementTimeoutMs + HUNG_AFTER_MS,
  };
}

/** Tells the connections of one process apart in `pg_stat_activity`. */
export function applicationName(host: string, pid: number): string {
  const head = 'a2a-mcp-server@';
  const tail = `/${pid}`;
  return `${head}${host.slice(0, APPLICATION_NAME_BYTES - head.length - tail.length)}${tail}`;
}

/** What of a connection URL may be shown: no user, no password. */
export function shownAddress(connectionString: string): string {
  const url = new URL(connectionString);
  return `${url.searchParams.get('host') ?? url.host}${url.pathname}`;
}

const isSslMode = (mode: string): mode is SslMode => mode in TLS;

/** Takes the parameter away from pg, which understands `sslmode` differently from libpq. */
function takeParameter(url: URL, name: string): string | undefined {
  const value = url.searchParams.get(name) ?? undefined;
  url.searchParams.delete(name);
  return value;
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new DatabaseStartError(`Cannot read the CA certificates of PostgreSQL (POSTGRES_SSLROOTCERT): ${file}`, {
      cause: error,
    });
  }
}
