import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { inject } from 'vitest';

/** Somebody else is copying the template at this moment. */
const OBJECT_IN_USE = '55006';

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

/** An empty, migrated database of one's own, gone at the end of its scope. */
export function newDatabase(): Promise<TestDatabase> {
  return createDatabase(`template ${inject('templateDatabase')}`);
}

/** One without any table. */
export function emptyDatabase(): Promise<TestDatabase> {
  return createDatabase('template template0');
}

async function createDatabase(options: string): Promise<TestDatabase> {
  const name = `a2a_test_${randomBytes(6).toString('hex')}`;
  const url = new URL(inject('databaseUrl'));
  url.pathname = name;
  await onServer(`create database ${name} ${options}`);
  return { url: url.href, [Symbol.asyncDispose]: () => onServer(`drop database ${name} with (force)`) };
}

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client(inject('databaseUrl'));
  await client.connect();
  try {
    for (;;) {
      const outcome = await client.query(sql).catch((error: Error) => error);
      if (!(outcome instanceof Error)) return;
      if (!('code' in outcome) || outcome.code !== OBJECT_IN_USE) throw outcome;
      await sleep(50);
    }
  } finally {
    await client.end();
  }
}

/** What a statement finds in a database. */
export async function rows(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
