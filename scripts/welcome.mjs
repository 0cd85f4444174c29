/** What a person needs after the first start: where, which key, and ready-to-paste client configurations. */
import { join } from 'node:path';

export function printWelcome({ url, key, root }) {
  const mcp = `${url}/mcp`;
  const headers = { Authorization: `Bearer ${key}` };
  const program = join(root, 'dist', 'apps', 'server', 'src', 'main.js');
  const desktop = { command: process.execPath, args: [program, 'stdio'], env: { A2A_MCP_URL: mcp, A2A_MCP_KEY: key } };
  console.log(`
A2A MCP Server is ready.

  MCP      ${mcp}
  REST     ${url}/api/v1/agents   (documentation: ${url}/api/docs)
  Key      ${key}

Claude Code
  claude mcp add --transport http a2a ${mcp} --header "Authorization: Bearer ${key}"

Claude Desktop (claude_desktop_config.json)
  ${JSON.stringify({ mcpServers: { a2a: desktop } })}

Cursor (.cursor/mcp.json)
  ${JSON.stringify({ mcpServers: { a2a: { url: mcp, headers } } })}

VS Code (.vscode/mcp.json)
  ${JSON.stringify({ servers: { a2a: { type: 'http', url: mcp, headers } } })}

Try it in another terminal:  npm run demo
`);
}
