import { codeOf } from './sqlstate.js';

/** The database cannot be used; the message says why and what a person can do. `main` prints it and exits with 1. */
export class DatabaseStartError extends Error {
  override readonly name = 'DatabaseStartError';
}

/** Why a directory is of no use, by what the operating system says. */
const DIRECTORY_TROUBLE: Readonly<Record<string, string>> = {
  EROFS: 'is on a read-only file system',
  EACCES: 'may not be written by this user',
  EPERM: 'may not be written by this user',
  ENOSPC: 'is on a full disk',
  EDQUOT: 'is over its disk quota',
  ENOTDIR: 'is not a directory',
  EEXIST: 'is not a directory',
  // Node's recursive mkdir says this where mkdir says EROFS.
  ENOENT: 'cannot be made there (is the file system read-only?)',
};

/** The same, and more, in the words of PostgreSQL's own programs. */
const POSTGRES_TROUBLE: readonly (readonly [RegExp, string])[] = [
  [/No space left on device/, 'is on a full disk'],
  [/Disk quota exceeded/, 'is over its disk quota'],
  [/Read-only file system/, 'is on a read-only file system'],
  [/Permission denied|Operation not permitted/, 'cannot be reached or written by the user that PostgreSQL runs as'],
];

/** Runs file operations below `directory`; their failures become errors that a person can act on. */
export function inDirectory<T>(directory: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const trouble = DIRECTORY_TROUBLE[codeOf(error) ?? ''];
    throw trouble === undefined ? error : unusableDirectory(directory, trouble, error);
  }
}

/** What the last words of `initdb` or `postgres` mean. */
export function explainOutput(directory: string, output: string): DatabaseStartError {
  const trouble = POSTGRES_TROUBLE.find(([words]) => words.test(output))?.[1];
  if (trouble !== undefined) return unusableDirectory(directory, trouble, new Error(output.trim()));
  return new DatabaseStartError(`The embedded PostgreSQL in ${directory} did not start: ${output.trim()}`);
}

export function unsupportedPlatform(platform: string, reason: string): DatabaseStartError {
  return new DatabaseStartError(
    `The embedded PostgreSQL does not run on ${platform} (${reason}). Set DATABASE_URL to a PostgreSQL 14 or newer.`,
  );
}

export function unusableDirectory(directory: string, trouble: string, cause?: unknown): DatabaseStartError {
  return new DatabaseStartError(
    `The embedded PostgreSQL cannot use ${directory}: it ${trouble}. Mend that, choose another DATA_DIR, or set DATABASE_URL.`,
    { cause },
  );
}
