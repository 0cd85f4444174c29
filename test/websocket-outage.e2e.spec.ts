import { expect, test } from 'vitest';
import { startAgents } from './support/agents.js';
import { captureLog } from './support/log-lines.js';
import { startOwnPostgres, temporaryDirectory } from './support/own-postgres.js';
import { startServer } from './support/server.js';
import { asAdmin, openSocket, readStream } from './support/ws-client.js';

interface Invocation {
  readonly requestId: string;
  readonly streamUrl: string;
}

test('while PostgreSQL is away clients are told to come back, and streams that are open go on afterwards', async () => {
  using _log = captureLog();
  using directory = temporaryDirectory();
  await using postgres = await startOwnPostgres(directory.path);
  await using agents = await startAgents();
  await using server = await startServer({ env: { DATABASE_URL: postgres.url, DATABASE_CONNECT_TIMEOUT_MS: '500' } });
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('long-runner') });
  await using client = await openSocket(server.streamUrl, asAdmin);
  const { requestId, streamUrl } = await client.call<Invocation>('invoke_agent', {
    agentId: 'long-runner',
    input: { message: 'for 6 s' },
  });
  await using stream = await openSocket(streamUrl);
  await stream.next(({ type }) => type === 'chunk');

  await postgres.crash();
  expect(await client.ask('get_status', { requestId })).toMatchObject({
    error: { code: -32000, message: expect.stringContaining('try again soon'), data: { code: 'unavailable' } },
  });
  const late = await readStream(streamUrl);
  expect(late).toMatchObject({ code: 1013, frames: [{ type: 'error', code: 'unavailable', seq: 0 }] });
  await server.waitForLog(({ message }) => message === 'A WebSocket stream failed');
  const errors = server.logs.filter(({ level, context }) => level === 'ERROR' && context === 'WebSocket');
  expect(errors.map(({ message }) => message)).toEqual(['A WebSocket request failed', 'A WebSocket stream failed']);

  await postgres.startAgain();
  await expect
    .poll(async () => (await client.ask('get_status', { requestId }))['result'], { timeout: 15_000 })
    .toBeDefined();
  expect(await stream.next(({ type }) => type === 'final' || type === 'error', 20_000)).toMatchObject({
    status: 'done',
  });
  expect(await stream.closed).toMatchObject({ code: 1000 });
});
