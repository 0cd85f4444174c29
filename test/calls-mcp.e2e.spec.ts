import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { errorOf, useCalls } from './support/calls.js';
import { type Fixture, startFixture } from './support/mcp-fixture.js';
import { closeAll, startServer } from './support/outbound.js';

interface Seen {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: { method?: string; params?: { _meta?: Record<string, unknown>; protocolVersion?: string } };
}

const call = await useCalls();
const closed = await useCalls({});
let modern: Fixture;
let legacy: Awaited<ReturnType<typeof startLegacy>>;
beforeAll(async () => {
  [modern, legacy] = await Promise.all([startFixture(), startLegacy()]);
});
afterEach(closeAll);
afterAll(async () => {
  await legacy[Symbol.asyncDispose]();
  await modern[Symbol.asyncDispose]();
});

/** A server made with the SDK that most servers out there are made with: sessions, `initialize`. */
async function startLegacy() {
  const seen: Seen[] = [];
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const http = createServer((request, response) => void handle(request, response));
  const handle: (...args: Parameters<Parameters<typeof createServer>[1] & object>) => Promise<void> = async (
    request,
    response,
  ) => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const body = text === '' ? {} : (JSON.parse(text) as Seen['body']);
    seen.push({ method: request.method, headers: request.headers, body });
    const known = sessions.get(String(request.headers['mcp-session-id']));
    const transport = known ?? (await open());
    await transport.handleRequest(request, response, text === '' ? undefined : body);
  };
  const open = async () => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    const server = new McpServer({ name: 'legacy', version: '1' });
    server.registerTool('add', { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) => ({
      content: [{ type: 'text', text: String(a + b) }],
    }));
    server.registerTool('fail', { inputSchema: { why: z.string() } }, ({ why }) => ({
      isError: true,
      content: [{ type: 'text', text: `Out of paper, you said ${why}` }],
    }));
    server.registerTool('hang', {}, () => new Promise(() => undefined));
    server.registerPrompt('greet', { argsSchema: { name: z.string() } }, ({ name }) => ({
      messages: [{ role: 'user', content: { type: 'text', text: `Hello ${name}` } }],
    }));
    server.registerResource('notes', 'test://notes', {}, () => ({
      contents: [{ uri: 'test://notes', text: 'noted' }],
    }));
    await server.connect(transport);
    return transport;
  };
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    seen,
    sessions,
    [Symbol.asyncDispose]: async () => {
      for (const transport of sessions.values()) await transport.close();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}

const over = (url: string, method: string, parameters: object = {}, more: object = {}) => ({
  method,
  parameters,
  transport: { http: { endpoint: url } },
  ...more,
});
const text = (words: string) => ({ content: [{ type: 'text', text: words }] });

test('a tool is called in either era, with a key by which a repetition is known, and no session stays', async () => {
  expect(await call('mcp', over(modern.url, 'tools/call', { name: 'echo', arguments: { q: 'hi' } }))).toEqual(
    text('hi'),
  );
  legacy.seen.length = 0;
  const endpoint = { uri: legacy.url, authentication: { bearer: { token: 'the-token' } } };
  const transport = { http: { endpoint, headers: { 'x-own': 'yes' } } };
  const args = over('', 'tools/call', { name: 'add', arguments: { a: 1, b: 2 } }, { transport });
  expect(await call('mcp', args)).toEqual(text('3'));
  const keys = legacy.seen.map(({ body, headers }) => [body.method, headers['idempotency-key']]);
  expect(keys).toContainEqual(['tools/call', 'step-key']);
  expect(keys.filter(([method, key]) => method !== 'tools/call' && key !== undefined)).toEqual([]);
  const called = legacy.seen.find(({ body }) => body.method === 'tools/call');
  expect(called?.body.params?._meta).toMatchObject({ 'a2a-mcp-server/idempotency-key': 'step-key' });
  expect(called?.headers).toMatchObject({ authorization: 'Bearer the-token', 'x-own': 'yes' });
  expect(legacy.seen.map(({ method }) => method)).not.toContain('GET');
  expect(legacy.sessions.size).toBe(0);
});

test('a revision that is named is the one that is spoken, or none', async () => {
  legacy.seen.length = 0;
  await call(
    'mcp',
    over(legacy.url, 'tools/list', {}, { protocolVersion: '2025-03-26', client: { name: 'me', version: '2' } }),
  );
  expect(legacy.seen[0]?.body).toMatchObject({
    method: 'initialize',
    params: { protocolVersion: '2025-03-26', clientInfo: { name: 'me', version: '2' } },
  });
  expect(await errorOf(call('mcp', over(legacy.url, 'tools/list', {}, { protocolVersion: '2026-07-28' })))).toMatch(
    /^communication \d+: The MCP server at 127/,
  );
  expect(await call('mcp', over(modern.url, 'tools/list', {}, { protocolVersion: '2026-07-28' }))).toHaveProperty(
    'tools',
  );
});

test('lists, prompts and resources', async () => {
  const { tools } = (await call('mcp', over(legacy.url, 'tools/list'))) as { tools: { name: string }[] };
  expect(tools.map(({ name }) => name)).toEqual(['add', 'fail', 'hang']);
  expect(await call('mcp', over(legacy.url, 'prompts/list'))).toMatchObject({ prompts: [{ name: 'greet' }] });
  expect(
    await call('mcp', over(legacy.url, 'prompts/get', { name: 'greet', arguments: { name: 'Ada' } })),
  ).toMatchObject({
    messages: [{ content: { text: 'Hello Ada' } }],
  });
  expect(await call('mcp', over(legacy.url, 'resources/list'))).toMatchObject({ resources: [{ uri: 'test://notes' }] });
  expect(await call('mcp', over(legacy.url, 'resources/read', { uri: 'test://notes' }))).toMatchObject({
    contents: [{ text: 'noted' }],
  });
  expect(await call('mcp', over(legacy.url, 'resources/templates/list'))).toEqual({ resourceTemplates: [] });
});

test('a tool that fails does not pass for success, and repeats nothing of what was sent', async () => {
  const said = await errorOf(
    call('mcp', over(legacy.url, 'tools/call', { name: 'fail', arguments: { why: 'secret-words' } })),
  );
  expect(said).toMatch(/^communication 500: The tool at 127[\d.:]+ failed: Out of paper, you said [*]{3}$/);
});

test('what the server does not know is told as such', async () => {
  expect(await errorOf(call('mcp', over(modern.url, 'tools/call', { name: 'nothing' })))).toMatch(
    /^validation 400: The MCP server at .* answered with error -32602/,
  );
});

test('a tool that hangs ends with the time-out of the call, and one that is aborted with the reason', async () => {
  const hanging = over(legacy.url, 'tools/call', { name: 'hang' });
  expect(await errorOf(call('mcp', { ...hanging, timeout: { milliseconds: 700 } }))).toMatch(
    /^timeout 408: .* 700 ms$/,
  );
  expect(await call('mcp', over(legacy.url, 'prompts/list', {}, { timeout: { days: 60 } }))).toHaveProperty('prompts');
  expect(await errorOf(call('mcp', { ...hanging, timeout: 'PT0.7S' }))).toMatch(/^timeout 408: .* 700 ms$/);
  const controller = new AbortController();
  const reason = new Error('cancelled');
  setTimeout(() => controller.abort(reason), 500);
  await expect(call('mcp', hanging, { signal: controller.signal })).rejects.toBe(reason);
});

test('refusals, large answers, other things than MCP and private networks are errors', async () => {
  const refusing = await startServer((_, response) => response.writeHead(401).end());
  expect(await errorOf(call('mcp', over(refusing.url, 'tools/list')))).toMatch(
    /^authentication 401: The MCP server at/,
  );
  const large = await startServer((_, response) =>
    response.setHeader('content-type', 'application/json').end(Buffer.alloc(2 * 1_024 * 1_024, 'x')),
  );
  expect(await errorOf(call('mcp', over(large.url, 'tools/list')))).toMatch(/^communication 502: .* larger than/);
  const page = await startServer((_, response) => response.setHeader('content-type', 'text/html').end('<html>'));
  expect(await errorOf(call('mcp', over(page.url, 'tools/list')))).toMatch(/^communication 50\d: The MCP server at/);
  expect(await errorOf(call('mcp', over('http://127.0.0.1:1/', 'tools/list')))).toMatch(
    /^communication 503: .* cannot be reached/,
  );
  expect(await errorOf(closed('mcp', over(legacy.url, 'tools/list')))).toMatch(
    /^authorization 403: .* must not be reached/,
  );
});

test.each([
  [{ method: 'tools/none' }, 'validation 400: with.method: expected one of tools/list'],
  [{ transport: { stdio: { command: 'x' } } }, 'configuration 400: with.transport.stdio: not supported'],
  [{ transport: {} }, 'validation 400: with.transport.http: expected an object'],
  [{ protocolVersion: '1' }, 'validation 400: with.protocolVersion: expected a revision'],
  [{ timeout: 'soon' }, 'validation 400: with.timeout: expected a duration'],
  [{ timeout: { weeks: 1 } }, 'validation 400: with.timeout: expected a duration'],
  [{ parameters: 'x' }, 'validation 400: with.parameters: expected an object'],
])('%j is refused', async (wrong, words) => {
  expect(await errorOf(call('mcp', { ...over('http://127.0.0.1:1/', 'tools/list'), ...wrong }))).toContain(words);
});
