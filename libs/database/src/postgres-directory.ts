import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { PostgresBinaries, PostgresUser } from './postgres-binaries.js';
import { DatabaseStartError, explainOutput, inDirectory, unusableDirectory } from './start-error.js';

/** `nobody`, by the number it has everywhere; PostgreSQL refuses a number without a name. */
const NOBODY: PostgresUser = { uid: 65534, gid: 65534 };
/** Operating systems cut socket paths at 104 to 108 bytes. */
const SOCKET_PATH_BYTES = 100;
const SOCKET_FILE = '.s.PGSQL.5432';

const run = promisify(execFile);

/** English messages, whatever the machine speaks. */
export const POSTGRES_ENV = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' };

/** What the embedded PostgreSQL has on disk. */
export interface PostgresDirectory {
  /** Real path of DATA_DIR. */
  readonly base: string;
  /** PostgreSQL's own data directory. */
  readonly cluster: string;
  readonly sockets: string;
  /** The sockets lie outside `base` and go when PostgreSQL goes. */
  readonly temporarySockets: boolean;
  /** Set when we are root. */
  readonly user: PostgresUser | undefined;
}

/** Makes DATA_DIR ready to be used, with nothing in it yet. */
export function openDirectory(dataDir: string): PostgresDirectory {
  return inDirectory(dataDir, () => {
    mkdirSync(dataDir, { recursive: true, mode: 0o755 });
    const base = realpathSync(dataDir);
    const cluster = join(base, 'postgres');
    const user = process.getuid?.() === 0 ? ownerOf(cluster) : undefined;
    if (user !== undefined) letIn(base, user);
    const near = join(base, 'run');
    const temporarySockets = Buffer.byteLength(join(near, SOCKET_FILE)) > SOCKET_PATH_BYTES;
    const directory = { base, cluster, user, temporarySockets, sockets: temporarySockets ? shortDirectory() : near };
    makeSocketDirectory(directory);
    return directory;
  });
}

/** Again before each start: a temporary one goes with the PostgreSQL that used it. */
export function makeSocketDirectory({ sockets, user }: PostgresDirectory): void {
  if (!existsSync(sockets)) mkdirSync(sockets, { mode: 0o700 });
  handOver(sockets, user);
}

/** Makes the data directory unless it is there; refuses one that this PostgreSQL cannot read. */
export async function ensureCluster(directory: PostgresDirectory, binaries: PostgresBinaries): Promise<void> {
  const { base, cluster, user } = directory;
  if (!hasCluster(cluster)) await makeCluster(directory, binaries);
  inDirectory(cluster, () => {
    const major = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
    if (major !== binaries.major)
      throw new DatabaseStartError(
        `${cluster} holds data of PostgreSQL ${major}, and this version of the server brings PostgreSQL ${binaries.major}. ` +
          `Run the version that wrote it, or move the data: dump it, and restore it into another DATA_DIR or DATABASE_URL.`,
      );
    handOver(cluster, user);
  });
  removeUnfinished(base);
}

/** The PostgreSQL that is running on the data directory. Removes the lock of one that is not. */
export function runningOn(cluster: string): number | undefined {
  const lock = join(cluster, 'postmaster.pid');
  if (!existsSync(lock)) return undefined;
  const pid = Number.parseInt(readFileSync(lock, 'utf8'), 10);
  if (isPostgresOn(commandLine(pid), cluster)) return pid;
  // PostgreSQL would refuse to start as long as any process has this number, which after a crash can be anyone's.
  rmSync(lock, { force: true });
  return undefined;
}

/** @param words a command line, split; PostgreSQL's server processes have the data directory in theirs */
export function isPostgresOn([program = '', ...words]: readonly string[], cluster: string): boolean {
  return ['postgres', 'postmaster'].includes(basename(program)) && words.includes(cluster);
}

function commandLine(pid: number): string[] {
  try {
    const words =
      process.platform === 'linux'
        ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
        : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
            .trim()
            .split(' ');
    return words.filter((word) => word !== ''); // a dead process that nobody has reaped has none
  } catch {
    return []; // no such process
  }
}

/** Under another name and then renamed, so that a kill in the middle leaves nothing half-made. */
async function makeCluster({ base, cluster, user }: PostgresDirectory, binaries: PostgresBinaries): Promise<void> {
  const unfinished = `${cluster}.init.${process.pid}`;
  inDirectory(base, () => {
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { mode: 0o700 });
    handOver(unfinished, user);
  });
  const encoding = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const args = ['-D', unfinished, '-U', 'a2a', '--auth=trust', '--no-instructions', ...encoding];
  try {
    await run(binaries.initdb, args, { ...user, cwd: '/', env: POSTGRES_ENV });
    renameSync(unfinished, cluster);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (hasCluster(cluster)) return; // another process was quicker
    throw explainOutput(base, outputOf(error));
  }
}

/** What a start that was killed in the middle has left. */
function removeUnfinished(base: string): void {
  for (const name of readdirSync(base)) {
    const pid = /^postgres\.init\.(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && commandLine(Number(pid)).length === 0)
      rmSync(join(base, name), { recursive: true, force: true });
  }
}

const hasCluster = (cluster: string): boolean => existsSync(join(cluster, 'PG_VERSION'));

const outputOf = (error: unknown): string =>
  error instanceof Error && 'stderr' in error && error.stderr !== '' ? String(error.stderr) : String(error);

/** PostgreSQL insists on 0700. */
function handOver(path: string, user: PostgresUser | undefined): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid);
  chmodSync(path, 0o700);
}

/** The user of PostgreSQL must be able to pass through DATA_DIR, which is ours to open, and through all above it. */
function letIn(base: string, user: PostgresUser): void {
  chmodSync(base, statSync(base).mode | 0o111);
  if (spawnSync('/bin/sh', ['-c', 'cd "$0"', base], { ...user, cwd: '/' }).status !== 0)
    throw unusableDirectory(base, `lies in a directory that is closed to uid ${user.uid}, as which PostgreSQL runs`);
}

/** As root PostgreSQL runs as whoever made the data, so that root can continue what a plain user has begun. */
function ownerOf(cluster: string): PostgresUser {
  if (!existsSync(cluster)) return NOBODY;
  const { uid, gid } = statSync(cluster);
  return uid === 0 ? NOBODY : { uid, gid };
}

function shortDirectory(): string {
  const room = SOCKET_PATH_BYTES - Buffer.byteLength(join('a2a-mcp-XXXXXX', SOCKET_FILE));
  return mkdtempSync(join(Buffer.byteLength(tmpdir()) < room ? tmpdir() : '/tmp', 'a2a-mcp-'));
}
