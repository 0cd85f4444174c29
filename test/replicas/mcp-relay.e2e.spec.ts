import { setTimeout as sleep } from 'node:timers/promises';
import { Client as SdkClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startAgents, type TestAgents } from '../support/agents.js';
import { newDatabase, rows, type TestDatabase } from '../support/database.js';
import { legacy, post } from '../support/mcp-raw.js';
import { ADMIN_KEY, startServer, type TestServer } from '../support/server.js';

const redisUrl = inject('redisUrl');

describe.each([
  ['with Redis', redisUrl],
  ['without Redis', undefined],
])('a client whose requests go to two replicas in turn, %s', (_, REDIS_URL) => {
  let database: TestDatabase;
  let agents: TestAgents;
  let servers: TestServer[];
  beforeAll(async () => {
    [database, agents] = await Promise.all([newDatabase(), startAgents()]);
    const env = { DATABASE_URL: database.url, REDIS_URL };
    servers = await Promise.all([startServer({ env }), startServer({ env })]);
    for (const name of ['asker', 'long-runner'])
      await servers[0]?.json(201, 'POST', '/api/v1/agents', { url: agents.url(name) });
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await agents[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  /** Takes each POST to the next replica. */
  async function connect(): Promise<SdkClient> {
    let turn = 0;
    const alternating: typeof fetch = (input, init) => {
      const { pathname } = new URL(input instanceof Request ? input.url : input);
      const server = servers[turn++ % servers.length];
      return fetch(`${server?.url}${pathname}`, init);
    };
    const client = new SdkClient({ name: 'roamer', version: '1' }, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { answer: 'red' } }));
    const requestInit = { headers: { authorization: `Bearer ${ADMIN_KEY}` } };
    await client.connect(
      new StreamableHTTPClientTransport(new URL('http://roaming/mcp'), { fetch: alternating, requestInit }),
    );
    return client;
  }

  test('a question is answered at the other replica', async () => {
    const client = await connect();
    for (let i = 0; i < 3; i++)
      expect(await client.callTool({ name: 'asker', arguments: { message: 'Paint the shed' } })).toMatchObject({
        content: [{ text: 'You chose: red' }],
      });
    await client.close();
  });

  test('a cancel at the other replica reaches the agent', async () => {
    const client = await connect();
    for (let i = 1; i <= 3; i++) {
      const before = (await agents.ledger('long-runner')).cancels.length;
      const stop = new AbortController();
      const call = client.callTool({ name: 'long-runner', arguments: { message: 'for 60 s' } }, undefined, {
        signal: stop.signal,
        onprogress: () => stop.abort('enough'),
      });
      await expect(call).rejects.toThrow(/enough|abort/i);
      await expect
        .poll(async () => (await agents.ledger('long-runner')).cancels.length, { timeout: 5_000 })
        .toBe(before + 1);
    }
    await client.close();
  });
});

test('an answer is taken only when another replica can find it', async () => {
  await using server = await startServer();
  const url = `${server.url}/mcp`;
  const authorization = `Bearer ${ADMIN_KEY}`;
  const client = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } };
  const { headers } = await legacy(url, 'initialize', client, { authorization });
  const session = { authorization, 'mcp-session-id': String(headers['mcp-session-id']) };

  const database = new pg.Client(server.databaseUrl);
  await database.connect();
  await database.query('begin; lock table relayed_messages in exclusive mode');
  const answer = post(url, { jsonrpc: '2.0', id: 'elsewhere:1', result: { action: 'accept' } }, session);
  expect(await Promise.race([answer, sleep(500, 'not yet')])).toBe('not yet');
  await database.query('commit');
  expect((await answer).status).toBe(202);
  expect(await rows(server.databaseUrl, 'select kind from relayed_messages')).toEqual([{ kind: 'response' }]);
  await database.end();
});
