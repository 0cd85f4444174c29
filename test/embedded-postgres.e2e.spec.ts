import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { postgresProcesses, postmasterOf, startOwner, temporaryDirectory } from './support/own-postgres.js';
import { until } from './support/until.js';

const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
/** Only root can be another user: for a plain user these cases do not exist, and all others are about a plain user. */
const asRoot = isRoot ? [NOBODY] : [];

describe('the embedded PostgreSQL', () => {
  test('is a PostgreSQL 18 with unicode and no port, in a directory for a user that is not root', async () => {
    using directory = temporaryDirectory();
    await using owner = startOwner(directory.path);
    const { url } = await owner.outcome();

    const settings = `select current_setting('server_version_num')::int / 10000 as version, current_setting('listen_addresses') as addresses,
      pg_encoding_to_char(encoding) as encoding, datlocprovider::text as provider, datlocale as locale, current_user as user,
      upper('ß-ä-é') as upper from pg_database where datname = current_database()`;
    expect(await query(url, settings)).toEqual([
      { version: 18, addresses: '', encoding: 'UTF8', provider: 'b', locale: 'C.UTF-8', user: 'a2a', upper: 'ß-Ä-É' },
    ]);
    expect(modeOf(join(directory.path, 'postgres'))).toBe(0o700);
    expect(modeOf(join(directory.path, 'run'))).toBe(0o700);
    expect(statSync(join(directory.path, 'postgres')).uid).toBe(isRoot ? NOBODY : process.getuid?.());
  });

  test('survives kill -9 of its process by less than a second, and keeps the data', async () => {
    using directory = temporaryDirectory();
    await using owner = startOwner(directory.path);
    const { url } = await owner.outcome();
    await query(url, 'create table kept as select 42 as answer');
    const processes = postgresProcesses(directory.path);
    expect(processes.length).toBeGreaterThan(3);

    owner.child.kill('SIGKILL');
    await until('PostgreSQL has stopped', () => !processes.some(isAlive), 1_000);

    await using next = startOwner(directory.path);
    expect(await query((await next.outcome()).url, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('works below a path that is too long for a socket, and stops without a trace', async () => {
    using directory = temporaryDirectory();
    chmodSync(directory.path, 0o755);
    const dataDir = join(directory.path, 'a-long-name-'.repeat(10));
    const owner = startOwner(dataDir);
    const { url } = await owner.outcome();
    const sockets = new URL(String(url)).searchParams.get('host') ?? '';

    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(modeOf(sockets)).toBe(0o700);
    await owner[Symbol.asyncDispose]();
    expect(owner.child.exitCode).toBe(0);
    expect(existsSync(sockets)).toBe(false);
    expect(existsSync(join(dataDir, 'postgres/postmaster.pid'))).toBe(false);
  });

  test.each(asRoot)('works for plain user %i, and root can go on with what that user began', async () => {
    using directory = temporaryDirectory();
    chownSync(directory.path, NOBODY, NOBODY);
    const owner = startOwner(directory.path, NOBODY);
    expect(await query((await owner.outcome()).url, 'create table begun ()')).toEqual([]);
    await owner[Symbol.asyncDispose]();

    await using root = startOwner(directory.path);
    expect(await query((await root.outcome()).url, 'select * from begun')).toEqual([]);
  });
});

describe.concurrent('when PostgreSQL dies alone', () => {
  test('it is started again three times; then the process ends with 1 and says why', async () => {
    using directory = temporaryDirectory();
    await using owner = startOwner(directory.path);
    const { url } = await owner.outcome();

    for (let death = 1; death <= 3; death++) {
      process.kill(postmasterOf(directory.path) ?? 0, 'SIGKILL');
      await until(`restart ${death}`, () => owner.lines.filter(isRestart).length === death);
      await until('it answers again', () => query(url, 'select 1').catch(() => undefined));
    }
    expect(owner.child.exitCode).toBe(null);
    process.kill(postmasterOf(directory.path) ?? 0, 'SIGKILL');
    await until('the process has ended', () => owner.child.exitCode !== null);

    expect(owner.child.exitCode).toBe(1);
    expect(owner.lines.at(-1)).toMatchObject({
      level: 'ERROR',
      message: 'The embedded PostgreSQL keeps ending; this process ends too',
    });
  });
});

describe.concurrent('a directory', () => {
  test('is for one server: of two first starts at once one is refused and told by whom', async () => {
    using directory = temporaryDirectory();
    await using one = startOwner(directory.path);
    await using other = startOwner(directory.path);

    const outcomes = await Promise.all([one.outcome(), other.outcome()]);

    const [opened] = outcomes.filter(({ message }) => message === 'Open');
    const [refused] = outcomes.filter(({ message }) => message === 'Failed');
    expect(await query(opened?.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(refused).toMatchObject({ name: 'DatabaseStartError' });
    expect(refused?.text).toContain(
      `(process ${postmasterOf(directory.path)}) is running on ${directory.path}/postgres`,
    );
  });

  test('whose lock names a process that is something else is taken over', async () => {
    using directory = temporaryDirectory();
    const first = startOwner(directory.path);
    await first.outcome();
    const lock = join(directory.path, 'postgres/postmaster.pid');
    const words = readFileSync(lock, 'utf8').split('\n');
    await first[Symbol.asyncDispose]();
    writeFileSync(lock, [process.pid, ...words.slice(1)].join('\n'));

    await using next = startOwner(directory.path);

    expect(await next.outcome()).toMatchObject({ message: 'Open' });
  });

  test('of another major version is refused, with both versions named', async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, 'postgres'));
    writeFileSync(join(directory.path, 'postgres/PG_VERSION'), '17\n');

    await using owner = startOwner(directory.path);

    const { text } = await owner.outcome();
    expect(text).toMatch(/postgres holds data of PostgreSQL 17, .* brings PostgreSQL 18\. .*DATABASE_URL/);
  });

  test.each(asRoot)('that user %i, as which PostgreSQL runs, cannot reach is refused and left empty', async () => {
    using directory = temporaryDirectory();
    const dataDir = join(directory.path, 'data');

    await using owner = startOwner(dataDir);

    const { text } = await owner.outcome();
    expect(text).toContain(`cannot use ${dataDir}: it lies in a directory that is closed to uid ${NOBODY}`);
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test.each([
    ['may not be written', (path: string) => chmodSync(path, 0o555), 'may not be written by this user'],
    ['is a file', (path: string) => writeFileSync(join(path, 'data'), ''), 'is not a directory'],
  ])('that %s is refused by name, with a way out', async (_, spoil, trouble) => {
    using directory = temporaryDirectory();
    if (isRoot) chownSync(directory.path, NOBODY, NOBODY);
    spoil(directory.path);
    const dataDir = join(directory.path, 'data');

    await using owner = startOwner(dataDir, isRoot ? NOBODY : undefined);

    const { text } = await owner.outcome();
    expect(text).toContain(`cannot use ${dataDir}: it ${trouble}`);
    expect(text).toContain('DATABASE_URL');
  });
});

const isRestart = ({ message }: { message: string }) => message === 'PostgreSQL ended by itself and is started again';

const modeOf = (path: string) => statSync(path).mode & 0o777;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function query(url: unknown, sql: string): Promise<unknown[]> {
  const client = new pg.Client(String(url));
  client.on('error', () => undefined); // the query tells
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
