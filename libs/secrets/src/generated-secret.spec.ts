import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { generatedSecret } from './generated-secret.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'a2a-secret-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('a secret is made once, into a directory made for it, readable by its owner only', async () => {
  const path = join(directory, 'new', 'data', 'admin-api-key');
  expect(await generatedSecret(path, () => 'first')).toEqual({ value: 'first', created: true });
  expect(await generatedSecret(path, () => 'second')).toEqual({ value: 'first', created: false });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, 'utf8')).toBe('first\n');
});

test('racing makers all come back with the same secret, and one of them made it', async () => {
  const path = join(directory, 'secret-keys');
  const results = await Promise.all(Array.from({ length: 50 }, () => generatedSecret(path, randomUUID)));
  expect(new Set(results.map(({ value }) => value)).size).toBe(1);
  expect(results.filter(({ created }) => created)).toHaveLength(1);
  expect(await readdir(directory)).toEqual(['secret-keys']);
});

test('an empty file is refused rather than replaced', async () => {
  const path = join(directory, 'secret-keys');
  await writeFile(path, '\n');
  await expect(generatedSecret(path, () => 'new')).rejects.toThrow(`${path} is empty`);
});

test('a place that cannot be written to is an error that names it', async () => {
  await writeFile(join(directory, 'file'), '');
  await expect(generatedSecret(join(directory, 'file', 'key'), () => 'new')).rejects.toThrow(join(directory, 'file'));
});
