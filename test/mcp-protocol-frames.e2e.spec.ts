import { setTimeout as sleep } from 'node:timers/promises';
import { Client as ModernClient } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FramePair } from './support/frame-pair.js';
import { captureLog } from './support/log-lines.js';
import { type Fixture, startFixture } from './support/mcp-fixture.js';
import { text, tool } from './support/mcp-fixture-tools.js';
import { modernMessage } from './support/mcp-raw.js';

const ABOUT = { name: 'test', version: '1' };
const PRINCIPAL = { id: 'alice', keyId: 'test' };
const capabilities = { elicitation: {} };
const accept = () => Promise.resolve({ action: 'accept' as const, content: { response: 'blue' } });

let fixture: Fixture;
let pair: FramePair;
beforeEach(async () => {
  fixture = await startFixture({ limits: { streamsPerPrincipal: 3, bodyBytes: 10_000 } });
  pair = connect();
});
afterEach(() => fixture[Symbol.asyncDispose]());

function connect(): FramePair {
  const connection = new FramePair();
  fixture.mcp.connect(connection.frames, PRINCIPAL);
  return connection;
}

const ask = (method: string, params = {}, id = 1) => pair.send({ jsonrpc: '2.0', id, method, params });

/** Adds a tool that ends only when it is aborted. */
function addWait(): { aborted: number } {
  const seen = { aborted: 0 };
  const wait = tool('wait', async (_, { signal }) => {
    await sleep(20_000, undefined, { signal }).catch(() => seen.aborted++);
    return text('never seen');
  });
  fixture.host.tools.set('wait', wait);
  return seen;
}

describe('a connection of frames', () => {
  test('serves a legacy client: calls, progress, questions, changes', async () => {
    const client = new Client(ABOUT, { capabilities });
    let changes = 0;
    client.setRequestHandler(ElicitRequestSchema, accept);
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void changes++);
    await client.connect(pair);
    expect((await client.listTools()).tools).toHaveLength(fixture.host.tools.size);
    const steps: number[] = [];
    const onprogress = ({ progress }: { progress: number }) => void steps.push(progress);
    await client.callTool({ name: 'test_tool_with_progress' }, undefined, { onprogress });
    expect(steps).toEqual([0, 50, 100]);
    const asked = await client.callTool({ name: 'test_elicitation', arguments: { message: 'Colour?' } });
    expect(JSON.stringify(asked.content)).toContain('blue');
    fixture.changed('tools');
    await expect.poll(() => changes).toBe(1);
  });

  test('serves a modern client: calls, questions, subscriptions', async () => {
    const client = new ModernClient(ABOUT, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } });
    let changes = 0;
    client.setRequestHandler('elicitation/create', accept);
    client.setNotificationHandler('notifications/tools/list_changed', () => void changes++);
    await client.connect(pair);
    const asked = await client.callTool({ name: 'test_elicitation', arguments: { message: 'Colour?' } });
    expect(JSON.stringify(asked.content)).toContain('blue');
    const subscription = await client.listen({ toolsListChanged: true });
    fixture.changed('tools');
    await expect.poll(() => changes).toBe(1);
    await subscription.close();
    await expect.poll(() => fixture.mcp.stats()).toMatchObject({ openStreams: 1, inFlight: 0 });
  });

  test.each(['legacy', 'modern'])('takes a cancel of the %s era', async (era) => {
    const seen = addWait();
    const params = { name: 'wait', arguments: {} };
    await pair.send(
      era === 'modern' ? modernMessage('tools/call', params) : { ...modernMessage('tools/call'), params },
    );
    expect(fixture.mcp.stats().inFlight).toBe(1);
    const cancel = { method: 'notifications/cancelled', params: { requestId: 1 } };
    await pair.send({ jsonrpc: '2.0', ...cancel });
    await expect.poll(() => seen.aborted).toBe(1);
    expect(pair.received).toEqual([]);
  });

  test('aborts what it was answering when it ends', async () => {
    const seen = addWait();
    await ask('tools/call', { name: 'wait' });
    await pair.close();
    await expect.poll(() => seen.aborted).toBe(1);
    await expect.poll(() => fixture.mcp.stats()).toMatchObject({ openStreams: 0, inFlight: 0 });
  });

  test('is told of no change before it has begun', async () => {
    fixture.changed('tools');
    await ask('ping');
    expect(pair.received).toMatchObject([{ id: 1, result: {} }]);
  });

  test('answers a batch with a batch', async () => {
    pair.say(JSON.stringify([1, 2].map((id) => ({ jsonrpc: '2.0', id, method: 'ping' }))));
    expect(pair.received).toMatchObject([[{ id: 1 }, { id: 2 }]]);
  });

  test('is told what is wrong with a frame, and stays', async () => {
    for (const frame of ['', '{', '7', '['.repeat(100) + ']'.repeat(100)]) pair.say(frame);
    const codes = pair.received.map(({ error }) => (error as { code: number }).code);
    expect(codes).toEqual([-32700, -32700, -32600, -32600]);
    expect(pair.closeCode).toBeUndefined();
  });

  test('ends with 1009 on a frame that is too large', () => {
    pair.say('x'.repeat(10_001));
    expect(pair.closeCode).toBe(1009);
  });

  test('ends with 1013 when its client does not read', async () => {
    using log = captureLog();
    pair.buffered = 1024 * 1024 + 1;
    await ask('ping');
    expect(pair.closeCode).toBe(1013);
    expect(log.lines).toMatchObject([{ level: 'WARN' }]);
  });

  test('counts as an open stream of its principal', () => {
    using log = captureLog();
    const others = [connect(), connect(), connect()];
    expect(others.map(({ closeCode }) => closeCode)).toEqual([undefined, undefined, 1013]);
    expect(log.lines).toMatchObject([{ level: 'WARN' }]);
  });
});

describe('a server that closes', () => {
  test('answers what it has begun, then ends its connections, and takes nothing new', async () => {
    fixture.host.tools.set(
      'brief',
      tool('brief', async () => {
        await sleep(100);
        return text('just in time');
      }),
    );
    await ask('tools/call', { name: 'brief' });
    const closing = fixture.mcp.close();
    await ask('ping', {}, 2);
    await closing;
    expect(pair.received).toMatchObject([
      { id: 2, error: { message: 'The server is closing' } },
      { id: 1, result: {} },
    ]);
    expect(pair.closeCode).toBe(1001);
    expect(connect().closeCode).toBe(1013);
  });
});
