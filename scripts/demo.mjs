/** `npm run demo`: a real MCP client that calls the streaming agent of a server started with `npm start`. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { adminKey, serverUrl } from './installation.mjs';

const url = process.env.A2A_MCP_URL ?? `${await serverUrl()}/mcp`;
const key = process.env.A2A_MCP_KEY ?? (await adminKey());
const client = new Client({ name: 'demo', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
const requestInit = { headers: { authorization: `Bearer ${key}` } };

try {
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
} catch (error) {
  console.error(`No server answers at ${url} (${error.message}). Start one with: npm start`);
  process.exit(1);
}

const { tools } = await client.listTools();
console.log(`Connected to ${url} with ${tools.length} tools: ${tools.map(({ name }) => name).join(', ')}\n`);

const message = process.argv.slice(2).join(' ') || 'What is the Agent2Agent protocol?';
console.log(`researcher: ${message}`);
const result = await client.callTool(
  { name: 'researcher', arguments: { message } },
  {
    onprogress: ({ progress, message: text }) => console.log(`  ${String(progress).padStart(2)}  ${text}`),
    resetTimeoutOnProgress: true,
  },
);
console.log(
  `\n${result.content
    .filter(({ type }) => type === 'text')
    .map(({ text }) => text)
    .join('\n\n')}`,
);
await client.close();
