import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.js';
import { until } from './until.js';

/** Where Debian puts a version's programs. */
const VERSIONS = '/usr/lib/postgresql';
const PASSWORD = 'of-the-test';

/** Debian's PostgreSQL, newest version installed, with the client tools that belong to it; by TCP, with a password. Needs root. */
export async function startDebianPostgres() {
  const newest = readdirSync(VERSIONS).toSorted((a, b) => Number(b) - Number(a))[0] ?? '';
  const programs = join(VERSIONS, newest, 'bin');
  const [uid = 0, gid = 0] = ['-u', '-g'].map((which) =>
    Number(execFileSync('id', [which, 'postgres'], { encoding: 'utf8' })),
  );
  const directory = mkdtempSync(join(tmpdir(), 'a2a-debian-postgres-'));
  chownSync(directory, uid, gid);
  const as = { uid, gid, cwd: directory, env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' } };
  const data = join(directory, 'data');
  execFileSync(
    'sh',
    [
      '-c',
      `umask 077; echo ${PASSWORD} > password; ${programs}/initdb -D ${data} -U postgres -A scram-sha-256 --pwfile password --no-sync`,
    ],
    { ...as, stdio: 'ignore' },
  );
  const port = await freePort();
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${directory}`, 'fsync=off'];
  const server = spawn(join(programs, 'postgres'), ['-D', data, ...settings.flatMap((one) => ['-c', one])], {
    ...as,
    stdio: 'ignore',
  });
  const env = {
    PATH: `${programs}:${process.env.PATH ?? ''}`,
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: 'postgres',
    PGPASSWORD: PASSWORD,
  };
  const psql = (database: string, sql: string) =>
    execFileSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', sql], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  const isUp = () => {
    try {
      return psql('postgres', 'select 1') === '1';
    } catch {
      return false;
    }
  };
  await until('PostgreSQL answers', isUp);
  return {
    /** As libpq and its programs take it. */
    env,
    psql,
    url: (database: string) => `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/${database}`,
    [Symbol.asyncDispose]: async () => {
      server.kill('SIGINT');
      await once(server, 'exit');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
