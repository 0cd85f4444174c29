import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { captureLog } from './support/log-lines.js';
import { startFixture } from './support/mcp-fixture.js';
import { text, tool } from './support/mcp-fixture-tools.js';
import {
  initialize,
  JSON_HEADERS,
  legacy,
  modernHeaders,
  modernMessage,
  open,
  openGet,
  openListen,
  openPost,
  post,
  read,
  responseOf,
  send,
} from './support/mcp-raw.js';

const ping = (id: number) => ({ jsonrpc: '2.0', id, method: 'ping' });
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('a body', () => {
  test.each([
    ['empty', '', 400, -32700, /empty/],
    ['no JSON', '{"jsonrpc":', 400, -32700, /not valid JSON/],
    ['no message', '7', 400, -32600, /not a JSON-RPC 2.0 message/],
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"ping"}', 400, -32600, /2.0/],
    ['odd params', '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', 400, -32602, /params must be an object/],
    ['an odd id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', 400, -32600, /id must be/],
    ['an unknown method', '{"jsonrpc":"2.0","id":1,"method":"toString"}', 200, -32601, /not found/],
    [
      '65 levels deep',
      `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${nested(64)}}}`,
      400,
      -32600,
      /64 levels/,
    ],
    ['deep enough to break a parser', nested(200_000), 400, -32600, /64 levels/],
    ['an empty batch', '[]', 400, -32600, /1 to 16/],
    ['a batch of 17', JSON.stringify(Array.from({ length: 17 }, (_, id) => ping(id))), 400, -32600, /1 to 16/],
    ['initialize in a batch', '[{"jsonrpc":"2.0","id":1,"method":"initialize"}]', 400, -32600, /stands alone/],
  ])('that is %s is refused in words', async (_, body, status, code, message) => {
    await using fixture = await startFixture();
    const reply = await send(fixture.url, 'POST', body, JSON_HEADERS);
    expect(reply).toMatchObject({ status, error: { code, message: expect.stringMatching(message) } });
  });

  test('may be nested 64 levels deep', async () => {
    await using fixture = await startFixture();
    const body = `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${nested(62)}}}`;
    expect((await send(fixture.url, 'POST', body, JSON_HEADERS)).result).toEqual({});
  });

  test.each([
    ['declared', 2000, true],
    ['not declared', 2000, false],
  ])('that is too large, %s, is refused with 413', async (_, bytes, isDeclared) => {
    await using fixture = await startFixture({ limits: { bodyBytes: 1000 } });
    using log = captureLog();
    const outgoing = open(fixture.url, 'POST', {
      ...JSON_HEADERS,
      ...(isDeclared && { 'content-length': `${bytes}` }),
    });
    outgoing.on('error', () => undefined).end('x'.repeat(bytes));
    const reply = await read(await responseOf(outgoing));
    expect(reply).toMatchObject({ status: 413, error: { message: expect.stringContaining('1000 bytes') } });
    expect(log.lines).toMatchObject([{ level: 'WARN', status: 413 }]);
  });

  test('that goes on for ever is refused before its end', async () => {
    await using fixture = await startFixture({ limits: { bodyBytes: 1000 } });
    using _ = captureLog();
    const outgoing = open(fixture.url, 'POST', JSON_HEADERS);
    outgoing.on('error', () => undefined).write('x'.repeat(5000));
    expect((await responseOf(outgoing)).statusCode).toBe(413);
  });

  test('of the largest size is taken', async () => {
    await using fixture = await startFixture();
    using _ = captureLog();
    const body = JSON.stringify(ping(1)).padEnd(4 * 1024 * 1024);
    expect((await send(fixture.url, 'POST', body, JSON_HEADERS)).result).toEqual({});
    expect((await send(fixture.url, 'POST', `${body} `, JSON_HEADERS)).status).toBe(413);
  });

  test('that does not arrive is not waited for', async () => {
    await using fixture = await startFixture({ limits: { bodyTimeoutMs: 100, keepAliveMs: 50 } });
    using log = captureLog();
    const outgoing = open(fixture.url, 'POST', JSON_HEADERS);
    outgoing.on('error', () => undefined);
    const drip = setInterval(() => outgoing.write(' '), 20);
    const reply = await read(await responseOf(outgoing));
    clearInterval(drip);
    expect(reply).toMatchObject({ status: 408, error: { message: expect.stringContaining('100 ms') } });
    expect(log.lines).toMatchObject([{ level: 'WARN', status: 408 }]);
  });
});

describe('a request', () => {
  test.each([
    ['POST', { accept: JSON_HEADERS.accept }, 415, /application\/json/],
    ['POST', { ...JSON_HEADERS, 'content-type': 'text/plain' }, 415, /application\/json/],
    ['POST', { ...JSON_HEADERS, accept: 'text/html' }, 406, /application\/json/],
    ['POST', { ...JSON_HEADERS, 'mcp-protocol-version': '2001-01-01' }, 400, /2025-11-25/],
    ['PUT', JSON_HEADERS, 405, /Method Not Allowed/],
  ])('%s with %o is refused with %i', async (method, headers, status, message) => {
    await using fixture = await startFixture();
    const reply = await send(fixture.url, method, JSON.stringify(ping(1)), headers as Record<string, string>);
    expect(reply).toMatchObject({ status, error: { message: expect.stringMatching(message) } });
  });

  test('of a client that takes only JSON is answered in JSON, without progress', async () => {
    await using fixture = await startFixture();
    const params = { name: 'test_tool_with_progress', arguments: {}, _meta: { progressToken: 1 } };
    const { headers, messages } = await legacy(fixture.url, 'tools/call', params, { accept: 'application/json' });
    expect(headers['content-type']).toBe('application/json');
    expect(messages).toHaveLength(1);
  });

  test('in a batch is answered with its neighbours, or not at all when none asks', async () => {
    await using fixture = await startFixture();
    const note = { jsonrpc: '2.0', method: 'notifications/initialized' };
    const reply = await post(fixture.url, [ping(1), note, { ...ping(2), method: 'nothing' }]);
    expect(reply.messages[0]).toMatchObject([
      { id: 1, result: {} },
      { id: 2, error: { code: -32601 } },
    ]);
    expect(await post(fixture.url, [note, note])).toMatchObject({ status: 202, messages: [] });
  });

  test('in a batch may stream', async () => {
    await using fixture = await startFixture();
    const params = { name: 'test_tool_with_progress', arguments: {}, _meta: { progressToken: 1 } };
    const call = { jsonrpc: '2.0', id: 2, method: 'tools/call', params };
    const { messages } = await post(fixture.url, [ping(1), call]);
    expect(messages).toHaveLength(4);
    expect(messages.at(-1)).toMatchObject([{ id: 1 }, { id: 2 }]);
  });
});

describe('the Host and Origin headers', () => {
  const statusFor = async (headers: Record<string, string>, allowedHosts: string[] = ['mcp.example.com:8443', '']) => {
    await using fixture = await startFixture({ allowedHosts });
    using _ = captureLog();
    return await send(fixture.url, 'POST', JSON.stringify(ping(1)), { ...JSON_HEADERS, ...headers });
  };

  test.each([
    'localhost:3000',
    '127.0.0.1',
    '10.1.2.3:80',
    '[::1]:3000',
    '[2001:db8::1]',
    'mcp.example.com',
    'MCP.example.com:1',
  ])('may name %s', async (host) => expect((await statusFor({ host })).status).toBe(200));

  test.each<Record<string, string>>([
    { host: 'evil.example.com' },
    { host: 'localhost.example.com' },
    { host: '%' },
    { host: 'localhost', origin: 'http://evil.example.com' },
    { host: 'localhost', origin: 'null' },
    { host: '10.1.2.3', origin: 'http://10.1.2.3' },
  ])('are refused when they are %o, and the setting is named', async (headers) => {
    expect(await statusFor(headers)).toMatchObject({
      status: 403,
      error: { message: expect.stringContaining('ALLOWED_HOSTS') },
    });
  });

  test('may name anything when everything is allowed', async () => {
    expect((await statusFor({ host: 'evil.example.com', origin: 'http://evil.example.com' }, ['*'])).status).toBe(200);
    expect((await statusFor({ host: 'localhost', origin: 'https://mcp.example.com' })).status).toBe(200);
  });
});

describe('open streams', () => {
  test('are limited for each principal, and free again when one is closed', async () => {
    await using fixture = await startFixture({ limits: { streamsPerPrincipal: 2 } });
    using log = captureLog();
    const alice = await initialize(fixture.url);
    const first = await openGet(fixture.url, alice);
    await openListen(fixture.url, { toolsListChanged: true });
    const tooMany = { status: 429, error: { message: expect.stringContaining('at most 2') } };
    expect(await send(fixture.url, 'GET', '', { ...alice, accept: 'text/event-stream' })).toMatchObject(tooMany);
    const listen = 'subscriptions/listen';
    expect(await post(fixture.url, modernMessage(listen), modernHeaders(listen))).toMatchObject(tooMany);
    expect(log.lines.map(({ level }) => level)).toEqual(['WARN', 'WARN']);
    expect((await openGet(fixture.url, await initialize(fixture.url, {}, 'bob'))).incoming.statusCode).toBe(200);
    first.close();
    await expect.poll(() => fixture.mcp.stats().openStreams).toBe(2);
    expect((await openGet(fixture.url, alice)).incoming.statusCode).toBe(200);
  });

  test('are kept alive, and no proxy may buffer or cache them', async () => {
    await using fixture = await startFixture({ limits: { keepAliveMs: 50 } });
    const idle = await openGet(fixture.url, await initialize(fixture.url));
    expect(idle.incoming.headers).toMatchObject({
      'x-accel-buffering': 'no',
      'cache-control': expect.stringContaining('no-cache'),
    });
    await expect.poll(() => idle.text).toMatch(/^(: keep-alive\n\n){2,}$/);
  });

  test('end when more waits in them than a slow client may leave unread', async () => {
    await using fixture = await startFixture();
    using log = captureLog();
    let isAborted = false;
    fixture.host.tools.set(
      'flood',
      tool('flood', async (_, request) => {
        for (let n = 1; !request.signal.aborted && n < 2000; n++) {
          request.progress(n, 2000, 'x'.repeat(64 * 1024));
          await sleep(1);
        }
        isAborted = request.signal.aborted;
        return text('done');
      }),
    );
    const params = { name: 'flood', arguments: {}, _meta: { progressToken: 1 } };
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
    const slow = await openPost(fixture.url, call);
    slow.incoming.pause();
    await expect.poll(() => isAborted, { timeout: 10_000 }).toBe(true);
    expect(log.lines).toMatchObject([{ level: 'WARN', message: expect.stringContaining('does not read') }]);
    await expect.poll(() => fixture.mcp.stats().inFlight).toBe(0);
  });

  test.each(['a stream', 'an answer'])(
    'and answers end when a client takes nothing of what waits: %s',
    async (what) => {
      await using fixture = await startFixture({ limits: { drainTimeoutMs: 300, keepAliveMs: 50, unsentBytes: 1e9 } });
      using log = captureLog();
      const big = 'x'.repeat(32 * 1024 * 1024);
      fixture.host.tools.set(
        'big',
        tool('big', (_, request) => {
          if (what === 'a stream') request.progress(1);
          return text(big);
        }),
      );
      const params = { name: 'big', arguments: {}, _meta: { progressToken: 1 } };
      const slow = await openPost(fixture.url, { jsonrpc: '2.0', id: 1, method: 'tools/call', params });
      slow.incoming.pause();
      await expect.poll(() => log.lines, { timeout: 5000 }).toMatchObject([{ level: 'WARN' }]);
      await expect.poll(() => connections(fixture)).toBe(0);
    },
  );
});

const connections = ({ http }: { http: import('node:http').Server }) =>
  new Promise<number>((resolve) => http.getConnections((_, count) => resolve(count)));
