import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Config, ConfigModule } from '@app/config';
import { NestFactory } from '@nestjs/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KeyRing } from './key-ring.js';
import { SecretsModule } from './secrets.module.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'a2a-secrets-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function keyRing(environment: NodeJS.ProcessEnv): Promise<KeyRing> {
  const imports = [ConfigModule.forRoot(Config.load({ DATA_DIR: directory, ...environment })), SecretsModule];
  const app = await NestFactory.createApplicationContext(
    { module: class {}, imports },
    { logger: false, abortOnError: false },
  );
  return app.get(KeyRing);
}

test('without SECRET_KEYS a key is made that processes on the same directory share', async () => {
  const [a, b] = await Promise.all([keyRing({}), keyRing({})]);
  expect(b.open('session', a.seal('session', { n: 1 }, 1_000))).toEqual({ n: 1 });
  expect((await keyRing({})).decrypt('credentials', a.encrypt('credentials', 'secret'))).toBe('secret');
});

test('SECRET_KEYS wins over a generated key', async () => {
  const generated = await keyRing({});
  const given = await keyRing({ SECRET_KEYS: `k9:${Buffer.alloc(32).toString('base64')}` });
  expect(given.seal('session', {}, 1_000)).toMatch(/^k9\./);
  expect(given.open('session', generated.seal('session', {}, 1_000))).toBeUndefined();
});

test('a key file that is no key ring ends the start with its name', async () => {
  await writeFile(join(directory, 'secret-keys'), 'garbage');
  await expect(keyRing({})).rejects.toThrow(join(directory, 'secret-keys'));
});
