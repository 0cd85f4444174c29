import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { expect, test } from 'vitest';
import { echo, hello, initialized, runStdio, STDIO_PROGRAM } from './support/stdio.js';

/** The reference implementation with sessions of its own, which it refuses to do without. */
async function startReference() {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const begin = async () => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    const mcp = new McpServer({ name: 'reference', version: '1' });
    mcp.registerTool('echo', {}, () => ({ content: [{ type: 'text', text: 'x' }] }));
    await mcp.connect(transport);
    // Long enough for all calls to find their session lost before there is a new one.
    await sleep(100);
    return transport;
  };
  const http = createServer((request, response) => {
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? sessions.get(id) : undefined;
    if (id !== undefined && known === undefined) return void response.writeHead(404).end();
    void Promise.resolve(known ?? begin()).then((transport) => transport.handleRequest(request, response));
  }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    sessions,
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

test('what a client writes in one go does not overtake its handshake, and the session is ended', async () => {
  await using reference = await startReference();
  const { code, messages } = await runStdio(['--url', reference.url], [hello, initialized, echo(1), echo(2)]);
  expect(code).toBe(0);
  expect(messages[0]).toMatchObject({ id: 'hello' });
  expect(messages.slice(1)).toMatchObject([{ result: { content: [{ text: 'x' }] } }, { result: {} }]);
  expect(reference.sessions.size).toBe(0);
});

test('a session that the server lost is begun again once for all calls that need it', async () => {
  await using reference = await startReference();
  const client = new Client({ name: 'test', version: '1' });
  const env = { A2A_MCP_URL: reference.url };
  await client.connect(new StdioClientTransport({ command: process.execPath, args: STDIO_PROGRAM, env }));
  await client.callTool({ name: 'echo' });
  reference.sessions.clear();
  const calls = await Promise.all([1, 2, 3].map(() => client.callTool({ name: 'echo' })));
  expect(calls).toMatchObject([1, 2, 3].map(() => ({ content: [{ text: 'x' }] })));
  expect(reference.sessions.size).toBe(1);
  await client.close();
});
