import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

interface GeneratedSecret {
  readonly value: string;
  /** True for the one process that made it. */
  readonly created: boolean;
}

/** The secret in this file, made at first use. Processes that race for it all come back with the same one. */
export async function generatedSecret(path: string, make: () => string): Promise<GeneratedSecret> {
  const known = await readSecret(path);
  if (known !== undefined) return { value: known, created: false };
  await mkdir(dirname(path), { recursive: true });
  const value = make();
  const created = await writeOnce(path, value);
  return { value: created ? value : ((await readSecret(path)) ?? value), created };
}

async function readSecret(path: string): Promise<string | undefined> {
  try {
    const value = (await readFile(path, 'utf8')).trim();
    if (value === '')
      throw new Error(`${path} is empty; restore it from a backup, or delete it to have a new one made`);
    return value;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Whole or not at all: the file gets its name when it is complete, and a name that is taken stays as it is. */
async function writeOnce(path: string, value: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeDurably(draft, `${value}\n`);
    await link(draft, path);
    await syncDirectory(dirname(path));
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await unlink(draft).catch(() => undefined);
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
