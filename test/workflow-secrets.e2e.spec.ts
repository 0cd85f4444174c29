import { createHash } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { AuditModule } from '@app/audit';
import { ConfigModule } from '@app/config';
import { DatabaseModule } from '@app/database';
import { SecretsModule } from '@app/secrets';
import { TelemetryModule } from '@app/telemetry';
import { WorkflowSecrets, WorkflowSecretsModule } from '@app/workflow-secrets';
import { migrations } from '@migrations';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { databaseConfig } from './support/database-app.js';
import { newDatabase, rows, type TestDatabase } from './support/database.js';
import { principal } from './support/principals.js';
import { SECRET_KEYS } from './support/secret-keys.js';
import { startServer, type TestServer } from './support/server.js';

const SECOND_KEY = `k2:${createHash('sha256').update('another key of the tests').digest('base64')}`;

let database: TestDatabase;
let server: TestServer;
beforeAll(async () => {
  database = await newDatabase();
  server = await startServer({ env: { DATABASE_URL: database.url } });
});
afterAll(async () => {
  await server.stop();
  await database[Symbol.asyncDispose]();
});

/** What the engine of another replica sees. */
async function startReplica(keys = SECRET_KEYS) {
  class Root {}
  const config = databaseConfig({ DATABASE_URL: database.url, SECRET_KEYS: keys });
  const imports = [
    ConfigModule.forRoot(config),
    TelemetryModule,
    SecretsModule,
    DatabaseModule.forRoot(migrations),
    AuditModule,
    WorkflowSecretsModule,
  ];
  const app = await NestFactory.createApplicationContext(
    { module: Root, imports },
    { logger: false, abortOnError: false },
  );
  return { secrets: app.get(WorkflowSecrets), [Symbol.asyncDispose]: () => app.close() };
}

const put = (name: string, value: unknown, status = 200) =>
  server.json(status, 'PUT', `/api/v1/secrets/${name}`, { value });

test('a secret that was set is there at once on another replica, and is never shown', async () => {
  await using replica = await startReplica();
  const values = {
    text: 'tell-nobody',
    login: { username: 'u', password: 'tell-nobody' },
    list: [1, 'ä\u0000'],
    no: false,
  };
  for (const [name, value] of Object.entries(values)) {
    expect(JSON.stringify(await put(name, value))).not.toContain('tell-nobody');
    expect(await replica.secrets.read(name)).toEqual(value);
  }
  expect(await replica.secrets.read('unknown')).toBeUndefined();
  await put('text', 'another');
  expect(await replica.secrets.read('text')).toBe('another');
  await server.json(204, 'DELETE', '/api/v1/secrets/text');
  expect(await replica.secrets.read('text')).toBeUndefined();
  await server.json(404, 'DELETE', '/api/v1/secrets/text');
});

test('the list has names, who set them, and pages', async () => {
  const other = await principal(server, { roles: ['admin'] });
  for (const name of ['page.a', 'page.b', 'page.c']) await put(name, 'tell-nobody');
  await other.json(200, 'PUT', '/api/v1/secrets/page.b', { value: 'tell-nobody' });
  const names: string[] = [];
  let token = '';
  do {
    const page = await server.json<{ items: { name: string }[]; nextPageToken?: string }>(
      200,
      'GET',
      `/api/v1/secrets?page_size=2${token}`,
    );
    expect(JSON.stringify(page)).not.toMatch(/tell-nobody|sealed/);
    names.push(...page.items.map(({ name }) => name));
    token = page.nextPageToken === undefined ? '' : `&page_token=${page.nextPageToken}`;
  } while (token !== '');
  expect(names.filter((name) => name.startsWith('page'))).toEqual(['page.a', 'page.b', 'page.c']);
  const { items } = await server.json<{ items: object[] }>(200, 'GET', '/api/v1/secrets');
  expect(items).toContainEqual({
    name: 'page.b',
    createdBy: 'admin',
    createdAt: expect.any(String),
    updatedBy: other.principal,
    updatedAt: expect.any(String),
  });
});

test.each([
  ['9lives', 'x', 400, 'expected a letter'],
  ['a'.repeat(64), 'x', 400, 'expected a letter'],
  ['a%2Fb', 'x', 400, 'expected a letter'],
  ['none', undefined, 400, 'value: expected a JSON value'],
  ['none', null, 400, 'value: expected a JSON value'],
  ['deep', JSON.parse('['.repeat(40) + ']'.repeat(40)), 400, 'value: expected at most 32 levels'],
  ['large', 'x'.repeat(65_535), 413, 'value: expected at most 65536 bytes'],
])('%.9s is refused with what was expected', async (name, value, status, words) => {
  const problem = await put(name, value, status);
  expect(problem.detail).toContain(words);
});

test('the largest value fits', async () => {
  await using replica = await startReplica();
  await put('a'.repeat(63), 'x'.repeat(65_534));
  expect(await replica.secrets.read('a'.repeat(63))).toHaveLength(65_534);
});

test('only who was permitted reads the list or sets a secret, and each change is recorded without the value', async () => {
  const operator = await principal(server, { roles: ['operator'] });
  await operator.json(403, 'GET', '/api/v1/secrets');
  await operator.json(403, 'PUT', '/api/v1/secrets/x', { value: 'tell-nobody' });
  await server.json(201, 'POST', '/api/v1/permissions/grants', {
    principal: operator.principal,
    actions: ['secrets:write'],
    resources: '*',
  });
  await operator.json(200, 'PUT', '/api/v1/secrets/granted', { value: 'tell-nobody' });
  await operator.json(200, 'GET', '/api/v1/secrets');
  await operator.json(204, 'DELETE', '/api/v1/secrets/granted');
  const path = `/api/v1/audit?subject=granted&principal=${operator.principal}`;
  const { items } = await server.json<{ items: { action: string }[] }>(200, 'GET', path);
  expect(items.map(({ action }) => action)).toEqual(['secrets.remove', 'secrets.set']);
  expect(JSON.stringify(items)).not.toContain('tell-nobody');
});

test('with a new key in front of the ring secrets open, and are encrypted with it before the old one goes', async () => {
  await put('rotated', 'tell-nobody');
  {
    await using replica = await startReplica(`${SECOND_KEY},${SECRET_KEYS}`);
    expect(await replica.secrets.read('rotated')).toBe('tell-nobody');
    const { resealed, unreadable } = await replica.secrets.reseal();
    expect([resealed > 0, unreadable]).toEqual([true, []]);
    expect(await replica.secrets.reseal()).toEqual({ resealed: 0, unreadable: [] });
  }
  await using later = await startReplica(SECOND_KEY);
  expect(await later.secrets.read('rotated')).toBe('tell-nobody');
  await put('of-old', 'x');
  await expect(later.secrets.read('of-old')).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/^The secret of-old does not open: SECRET_KEYS has no key "k1"/),
  });
  expect(await later.secrets.reseal()).toEqual({ resealed: 0, unreadable: ['of-old'] });
});

test('a value that was moved to another name in the database does not open', async () => {
  await using replica = await startReplica();
  await put('mine', 'x');
  await put('yours', 'tell-nobody');
  await rows(
    database.url,
    `update workflow_secrets set sealed = (select sealed from workflow_secrets where name = 'yours') where name = 'mine'`,
  );
  await expect(replica.secrets.read('mine')).rejects.toMatchObject({
    message: expect.stringMatching(/stored under another name/),
  });
});
