import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newDatabase } from './support/database.js';
import { endingPostgres } from './support/ending-postgres.js';
import { temporaryDirectory } from './support/own-postgres.js';
import { startServer, type TestServer } from './support/server.js';

let server: TestServer;
let directory: ReturnType<typeof temporaryDirectory>;
beforeAll(async () => {
  directory = temporaryDirectory();
  server = await startServer({ env: { DATA_DIR: directory.path } });
});
afterAll(async () => {
  await server.stop();
  directory[Symbol.dispose]();
});

const status = async (path: string) => (await server.call('GET', path)).status;

test('PostgreSQL dying alone: readiness off, liveness on, a clear 503, and everything back without a restart', async () => {
  expect(await status('/readyz')).toBe(200);
  const postmaster = Number(readFileSync(join(directory.path, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
  process.kill(postmaster, 'SIGKILL');

  const seen: { ready: number; agents: number; problem?: unknown }[] = [];
  do {
    const [ready, answer] = await Promise.all([status('/readyz'), server.call('GET', '/api/v1/agents')]);
    seen.push({ ready, agents: answer.status, ...(answer.status !== 200 && { problem: await answer.json() }) });
    expect(await status('/healthz')).toBe(200);
  } while (seen.at(-1)?.ready !== 200 || seen.length < 2);

  expect(new Set(seen.map(({ ready }) => ready))).toEqual(new Set([503, 200]));
  expect(new Set(seen.map(({ agents }) => agents))).toEqual(new Set([503, 200]));
  const problem = { status: 503, code: 'unavailable', detail: expect.stringContaining('database') };
  const refused = seen.filter(({ agents }) => agents !== 200);
  expect(refused.map(({ problem: told }) => told)).toEqual(refused.map(() => expect.objectContaining(problem)));
  expect(await status('/api/v1/agents')).toBe(200);
  expect(server.logs.some(({ level, message }) => level === 'ERROR' && message === 'Cannot connect to database')).toBe(
    true,
  );
});

test('PostgreSQL that ends a connection in the breath in which it is ready ends no process', async () => {
  await using database = await newDatabase();
  await using way = await endingPostgres(database.url);
  await using other = await startServer({ env: { DATABASE_URL: way.url } });
  const ready = async () => (await other.call('GET', '/readyz')).status;
  expect(await ready()).toBe(200);
  way.end();
  for (let i = 0; i < 5; i++) {
    expect(await ready()).toBe(503);
    expect((await other.call('GET', '/api/v1/agents')).status).toBe(503);
  }
  way.goOn();
  await expect.poll(ready, { timeout: 10_000 }).toBe(200);
  expect((await other.call('GET', '/api/v1/agents')).status).toBe(200);
});
