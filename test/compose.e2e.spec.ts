import { readFileSync } from 'node:fs';
import { Config } from '@app/config';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { SECRET_KEYS } from './support/secret-keys.js';

interface Compose {
  readonly services: Record<
    string,
    { readonly environment?: Record<string, string>; readonly depends_on?: Record<string, object> }
  >;
}

test('docker-compose.yaml sets only what the server knows, and starts it after what it needs', () => {
  const { services } = parse(readFileSync('docker-compose.yaml', 'utf8'), { uniqueKeys: true }) as Compose;
  expect(Object.keys(services).toSorted()).toEqual(['postgres', 'prometheus', 'redis', 'server']);
  const environment = services['server']?.environment ?? {};
  const known = Object.keys(Config.load({}).effective());
  expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
  const secrets = { SECRET_KEYS, ADMIN_API_KEY: 'a-key-of-the-tests-0815-4711' };
  expect(Config.load({ ...environment, ...secrets }).postgres?.url).toBe(environment['DATABASE_URL']);
  expect(Object.keys(services['server']?.depends_on ?? {}).toSorted()).toEqual(['postgres', 'redis']);
});
