/** The MCP protocol core on plain node:http, with one tool that says back what it is told. */
import { createServer } from 'node:http';
import { McpServer } from '../../dist/libs/mcp-protocol/src/index.js';
import { KeyRing } from '../../dist/libs/secrets/src/index.js';

const echo = {
  definition: { name: 'echo', inputSchema: { type: 'object', properties: { message: { type: 'string' } } } },
  validate: ({ message }) => (typeof message === 'string' ? undefined : 'message must be a string'),
  call: ({ message }) => ({ content: [{ type: 'text', text: message }] }),
};
const host = {
  serverInfo: { name: 'core', version: '1.0.0' },
  listTools: () => ({ tools: [echo.definition] }),
  tool: (name) => (name === 'echo' ? echo : undefined),
  onResponse: () => undefined,
  onCancel: () => undefined,
};
const seal = new KeyRing([`k1:${Buffer.alloc(32, 1).toString('base64')}`]);
const mcp = new McpServer({ host, seal, allowedHosts: [] });
const caller = { id: 'caller', keyId: 'key' };

const server = createServer((request, response) => mcp.handle(request, response, caller));
server.listen(0, '127.0.0.1', () => {
  console.log(`Listening ${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/mcp` })}`);
});
