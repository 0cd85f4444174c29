import { expect, test } from 'vitest';
import { explainOutput, inDirectory } from './start-error.js';

/** As PostgreSQL 18.4 wrote them. */
const OUTPUTS = {
  'is on a full disk': 'FATAL:  could not write lock file "postmaster.pid": No space left on device',
  'is on a read-only file system': 'FATAL:  could not create lock file "postmaster.pid": Read-only file system',
  'cannot be reached or written by the user that PostgreSQL runs as':
    'initdb: error: could not access directory "/data/postgres.init.7": Permission denied',
};

test.each(Object.entries(OUTPUTS))('what %s is said so, with a way out', (trouble, output) => {
  const error = explainOutput('/data', output);
  expect(error.message).toBe(
    `The embedded PostgreSQL cannot use /data: it ${trouble}. Mend that, choose another DATA_DIR, or set DATABASE_URL.`,
  );
  expect(error.cause).toMatchObject({ message: output });
});

test('what nobody foresaw is passed on in PostgreSQL’s own words', () => {
  expect(explainOutput('/data', 'PANIC:  could not locate a valid checkpoint record\n').message).toBe(
    'The embedded PostgreSQL in /data did not start: PANIC:  could not locate a valid checkpoint record',
  );
});

test.each([
  ['ENOSPC', 'is on a full disk'],
  ['EROFS', 'is on a read-only file system'],
  ['EACCES', 'may not be written by this user'],
])('%s means that the directory %s', (code, trouble) => {
  const fail = () => {
    throw Object.assign(new Error(code), { code });
  };
  expect(() => inDirectory('/data', fail)).toThrow(`cannot use /data: it ${trouble}`);
});

test('a bug stays what it is', () => {
  const bug = new TypeError('undefined is not a function');
  expect(() =>
    inDirectory('/data', () => {
      throw bug;
    }),
  ).toThrow(bug);
});
