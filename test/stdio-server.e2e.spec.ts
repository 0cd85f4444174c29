import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect, test } from 'vitest';
import { startAgents } from './support/agents.js';
import { ADMIN_KEY, startServer } from './support/server.js';
import { hello, runStdio, STDIO_PROGRAM } from './support/stdio.js';

test('a registered agent is a tool for a client that starts a command; without the right key the command ends', async () => {
  await using server = await startServer();
  await using agents = await startAgents();
  await server.json(201, 'POST', '/api/v1/agents', { url: agents.url('echo') });
  const url = `${server.url}/mcp`;

  const env = { A2A_MCP_URL: url, A2A_MCP_KEY: ADMIN_KEY };
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new StdioClientTransport({ command: process.execPath, args: STDIO_PROGRAM, env }));
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('echo');
  expect(await client.callTool({ name: 'echo', arguments: { message: 'hello' } })).toMatchObject({
    content: [{ type: 'text', text: 'hello' }],
  });
  await client.close();

  const refused = await runStdio(['--url', url, '--key', 'a2a_not-a-key'], [hello]);
  expect(refused).toMatchObject({ code: 1, messages: [{ id: 'hello', error: { code: -32000 } }] });
  expect(refused.stderr).toContain('HTTP 401: the key a2a_not-… was refused');
});
