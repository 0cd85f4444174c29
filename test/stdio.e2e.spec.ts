import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk-1.17/client/index.js';
import { StdioClientTransport as OldTransport } from '@modelcontextprotocol/sdk-1.17/client/stdio.js';
import { ElicitRequestSchema as OldElicitRequest } from '@modelcontextprotocol/sdk-1.17/types.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './support/mcp-fixture.js';
import { text, tool } from './support/mcp-fixture-tools.js';
import { echo, hello, initialized, runStdio as run, STDIO_PROGRAM } from './support/stdio.js';

const ABOUT = { name: 'test', version: '1' };
/** A process of its own stands between. */
const SOON = { timeout: 10_000 };
const ANSWER = { action: 'accept' as const, content: { response: 'blue' } };

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startFixture();
});
afterEach(() => fixture[Symbol.asyncDispose]());

const commandFor = (url: string) => ({
  command: process.execPath,
  args: STDIO_PROGRAM,
  env: { A2A_MCP_URL: url, A2A_MCP_KEY: 'a2a_secret-key' },
});

/** Clients differ in their types only; this is what all of them can do. */
interface AnyClient {
  callTool(params: object, schema?: undefined, options?: object): Promise<{ content?: unknown }>;
  listTools(): Promise<{ tools: unknown[] }>;
  close(): Promise<void>;
}

async function connectOld(url: string) {
  const client = new OldClient(ABOUT, { capabilities: { elicitation: {} } });
  client.setRequestHandler(OldElicitRequest, () => Promise.resolve(ANSWER));
  await client.connect(new OldTransport(commandFor(url)));
  return client;
}

async function connect(url: string) {
  const client = new Client(ABOUT, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => Promise.resolve(ANSWER));
  await client.connect(new StdioClientTransport(commandFor(url)));
  return client;
}

async function connectModern(url: string, mode: 'legacy' | 'auto') {
  const client = new ModernClient(ABOUT, { capabilities: { elicitation: {} }, versionNegotiation: { mode } });
  client.setRequestHandler('elicitation/create', () => Promise.resolve(ANSWER));
  await client.connect(new ModernTransport(commandFor(url)));
  return client;
}

/** v2 takes the options second, v1 third. */
const call = (client: AnyClient, name: string, args: object = {}, options: object = {}) =>
  client instanceof ModernClient
    ? client.callTool({ name, arguments: { ...args } }, options)
    : client.callTool({ name, arguments: args }, undefined, options);

describe.each([
  ['SDK 1.17', connectOld],
  ['SDK 1.32', connect],
  ['SDK 2.4 in a legacy session', (url: string) => connectModern(url, 'legacy')],
  ['SDK 2.4 on 2026-07-28', (url: string) => connectModern(url, 'auto')],
] as const)('%s over stdio', (_name, connectTo) => {
  let client: AnyClient;
  beforeEach(async () => {
    client = (await connectTo(fixture.url)) as AnyClient;
  });
  afterEach(() => client.close());

  test('lists the tools of the server, calls one, and hears its progress', async () => {
    expect((await client.listTools()).tools).toHaveLength(fixture.host.tools.size);
    expect(await call(client, 'echo', { q: 'grüße\u2028' })).toMatchObject(text('grüße\u2028'));
    const heard: unknown[] = [];
    const onprogress = ({ message }: { message?: string }) => heard.push(message);
    await call(client, 'test_tool_with_progress', {}, { onprogress });
    expect(heard).toEqual(['step 0', 'step 50', 'step 100']);
  });

  test('answers a question that a tool asks', async () => {
    expect(await call(client, 'test_elicitation', { message: 'Which colour?' })).toMatchObject(
      text('Elicitation completed: action=accept, content={"response":"blue"}'),
    );
  });

  test('runs calls side by side, and a cancel reaches the server', async () => {
    let cancelled = 0;
    fixture.host.tools.set(
      'wait',
      tool('wait', (_args, { signal }) => sleep(60_000, text('late'), { signal }).finally(() => (cancelled += 1))),
    );
    const abort = new AbortController();
    const waiting = call(client, 'wait', {}, { signal: abort.signal });
    expect(await call(client, 'echo', { q: 'meanwhile' })).toMatchObject(text('meanwhile'));
    abort.abort();
    await expect(waiting).rejects.toBeInstanceOf(Error);
    await expect.poll(() => cancelled, SOON).toBe(1);
  });

  test('tells of a call whose connection broke, and goes on', async () => {
    fixture.host.tools.set(
      'break',
      tool('break', async () => {
        fixture.http.closeAllConnections();
        await sleep(10);
        return text('never heard');
      }),
    );
    await client.listTools();
    await expect(call(client, 'break')).rejects.toMatchObject({ code: -32000 });
    expect(await call(client, 'echo', { q: 'still here' })).toMatchObject(text('still here'));
  });
});

test('a legacy client hears of a changed tool list, and its session is ended with it', async () => {
  const client = await connect(fixture.url);
  let changes = 0;
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (changes += 1));
  await expect.poll(() => fixture.mcp.stats().openStreams, SOON).toBe(1);
  fixture.changed('tools');
  await expect.poll(() => changes, SOON).toBe(1);
  await client.close();
  await expect.poll(() => fixture.mcp.stats(), SOON).toMatchObject({ openStreams: 0, revokedSessions: 1 });
});

test('a modern client hears of a changed tool list', async () => {
  const client = await connectModern(fixture.url, 'auto');
  let changes = 0;
  client.setNotificationHandler('notifications/tools/list_changed', () => void (changes += 1));
  await client.listen({ toolsListChanged: true });
  fixture.changed('tools');
  await expect.poll(() => changes, SOON).toBe(1);
  await client.close();
  await expect.poll(() => fixture.mcp.stats().openStreams, SOON).toBe(0);
});

test('a session that the server forgot is begun again unnoticed', async () => {
  await using shortLived = await startFixture({ limits: { sessionTtlMs: 2_000 } });
  const client = await connect(shortLived.url);
  await sleep(2_050);
  expect(await client.callTool({ name: 'echo', arguments: { q: 'again' } })).toMatchObject(text('again'));
  await client.close();
});

test('answers everything that came before stdin ended, writes nothing but messages, and exits with 0', async () => {
  const { code, messages, stderr } = await run(
    ['--url', fixture.url],
    [hello, initialized, echo(1), '', 'not JSON', echo(2), { jsonrpc: '2.0', id: 3, method: 'no/such' }],
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const answers = Object.fromEntries(messages.map((message) => [String(message.id), message]));
  expect(answers).toMatchObject({
    hello: { result: { protocolVersion: '2025-11-25' } },
    1: { result: text('x') },
    2: { result: text('x') },
    3: { error: { code: -32601 } },
    null: { error: { code: -32700 } },
  });
});

test('nothing is said of a call that the client cancelled, nor of a cancel that comes too late', async () => {
  fixture.host.tools.set(
    'wait',
    tool('wait', (_args, { signal }) => sleep(60_000, text('late'), { signal })),
  );
  const cancel = (requestId: number) => ({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } });
  const wait = { ...echo(1), params: { name: 'wait', arguments: {} } };
  const legacy = await run(['--url', fixture.url], [hello, initialized, wait, cancel(1)]);
  expect(legacy).toMatchObject({ code: 0, stderr: '', messages: [{ id: 'hello' }] });
  expect(legacy.messages).toHaveLength(1);

  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const modern = { ...echo(2), params: { ...echo(2).params, _meta } };
  const late = await run(['--url', fixture.url], [modern, cancel(99)]);
  expect(late).toMatchObject({ code: 0, stderr: '', messages: [{ id: 2, result: text('x') }] });
  expect(late.messages).toHaveLength(1);
});

test('a call that does not end holds the exit up for a few seconds only', async () => {
  fixture.host.tools.set(
    'wait',
    tool('wait', (_args, { signal }) => sleep(60_000, text('late'), { signal })),
  );
  const wait = { ...echo(1), params: { name: 'wait', arguments: {} } };
  const began = performance.now();
  expect((await run(['--url', fixture.url], [hello, initialized, wait])).code).toBe(0);
  expect(performance.now() - began).toBeLessThan(8_000);
});

/** Any HTTP server that is not ours. */
async function serveOnce(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const dispose = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { url, dispose, [Symbol.asyncDispose]: dispose };
}

describe('when the first contact fails, the request is answered, the reason is on stderr, and the exit code is 1', () => {
  const failed = (reason: RegExp) => ({
    code: 1,
    stderr: expect.stringMatching(reason) as unknown,
    messages: [
      { jsonrpc: '2.0', id: 'hello', error: { code: -32000, message: expect.stringMatching(reason) as unknown } },
    ],
  });

  test('nobody listens there', async () => {
    const server = await serveOnce(() => undefined);
    await server.dispose();
    expect(await run(['--url', server.url], [hello])).toEqual(failed(/Cannot reach http:.*ECONNREFUSED/));
  });

  test('the key is refused, and is not shown whole', async () => {
    await using server = await serveOnce((_request, response) => response.writeHead(401).end());
    const result = await run(['--url', server.url], [hello], { A2A_MCP_KEY: 'a2a_0123456789' });
    expect(result).toEqual(failed(/HTTP 401: the key a2a_0123… was refused/));
  });

  test('it is something else', async () => {
    await using server = await serveOnce((_request, response) => response.end('<h1>Hello</h1>'));
    expect(await run(['--url', server.url], [hello])).toEqual(
      failed(/does not answer with MCP but with HTTP 200: <h1>Hello/),
    );
  });
});

test('says how it is used when it was told something it does not know', async () => {
  expect(await run(['--server', 'x'], [])).toMatchObject({
    code: 1,
    messages: [],
    stderr: expect.stringContaining('Usage:') as unknown,
  });
  expect(await run(['--url', 'ftp://x'], [])).toMatchObject({ code: 1, messages: [] });
});
