import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { StdioBridge } from './stdio-bridge.js';
import { McpHttp } from './stdio-http.js';
import { lines } from './stdio-lines.js';

const DEFAULT_URL = 'http://127.0.0.1:3000/mcp';
const USAGE = `Usage: main.js stdio [--url ${DEFAULT_URL}] [--key KEY]

Forwards MCP messages between stdin/stdout and a server's /mcp, for clients whose configuration needs a command.
  --url  where the server's MCP endpoint is; or A2A_MCP_URL
  --key  an API key of that server; better A2A_MCP_KEY, because arguments can be seen by every user of the machine
`;

interface Options {
  readonly url: string;
  readonly key: string | undefined;
}

/** `main.js stdio`: ends with 0 when stdin does, with 1 when the server cannot be reached at all. stdout carries only MCP. */
export async function stdio(argv: string[]): Promise<number> {
  const options = readOptions(argv);
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${USAGE}`);
    return 1;
  }
  const http = new McpHttp(options.url, options.key);
  const bridge = new StdioBridge(http, (message) => writeFrame(process.stdout, message));
  const clientGone = once(process.stdout, 'error');
  await Promise.race([forwardAll(process.stdin, bridge), bridge.unreachable, clientGone]);
  await bridge.close();
  if (bridge.failure === undefined) return 0;
  process.stderr.write(`${bridge.failure}\n`);
  return 1;
}

function readOptions(argv: string[]): Options | string {
  try {
    const { values } = parseArgs({ args: argv, options: { url: { type: 'string' }, key: { type: 'string' } } });
    const url = values.url ?? process.env.A2A_MCP_URL ?? DEFAULT_URL;
    if (!/^https?:$/.test(new URL(url).protocol)) return `${url} is not an http or https URL`;
    return { url, key: values.key ?? process.env.A2A_MCP_KEY };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function forwardAll(input: Readable, bridge: StdioBridge): Promise<void> {
  for await (const line of lines(input as AsyncIterable<Buffer>)) await bridge.take(line);
}

/** Waits while the client does not read, which in turn slows the server's stream down. */
async function writeFrame(output: Writable, message: unknown): Promise<void> {
  if (!output.write(`${JSON.stringify(message)}\n`)) await once(output, 'drain');
}
