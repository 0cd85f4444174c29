import { expect, test } from 'vitest';
import { isPostgresOn } from './postgres-directory.js';

test.each([
  [['/opt/bin/postgres', '-D', '/data/postgres', '-k', '/data/run'], true],
  [['postmaster', '-D', '/data/postgres'], true],
  [['/opt/bin/postgres', '-D', '/other/postgres'], false],
  [['/bin/sh', '-c', 'guard', 'sh', '/opt/bin/postgres', '-D', '/data/postgres'], false],
  [['node', 'main.js'], false],
  [[], false],
])('%j is a PostgreSQL on /data/postgres: %s', (words, expected) => {
  expect(isPostgresOn(words, '/data/postgres')).toBe(expected);
});
