import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryDirectory } from './support/own-postgres.js';
import { freePort } from './support/ports.js';
import { until } from './support/until.js';

interface HttpServer {
  url: string;
  headers: Record<string, string>;
}

let directory: ReturnType<typeof temporaryDirectory>;
let env: Record<string, string>;
let started: ChildProcess;
let printed = '';
let readyAfterMs: number;

beforeAll(async () => {
  directory = temporaryDirectory();
  const [port, agents] = await Promise.all([freePort(), freePort()]);
  env = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    DATA_DIR: directory.path,
    PORT: String(port),
    DEMO_AGENTS_PORT: String(agents),
  };
  const begin = performance.now();
  started = spawn('npm', ['start'], { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  started.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await until('npm start is ready', () => printed.includes('Try it in another terminal'), 60_000);
  readyAfterMs = performance.now() - begin;
}, 70_000);
afterAll(async () => {
  if (started.exitCode === null && started.pid !== undefined) {
    process.kill(-started.pid, 'SIGTERM');
    await once(started, 'exit');
  }
  directory[Symbol.dispose]();
});

test('npm start is ready within a minute and says where, with which key, and what to try', () => {
  expect(readyAfterMs).toBeLessThan(60_000);
  expect(printed).toContain(`MCP      http://127.0.0.1:${env['PORT']}/mcp`);
  expect(keyIn(printed)).toMatch(/^a2a_admin_/);
});

test('the printed configurations of Cursor, VS Code and Claude Code connect', async () => {
  const cursor = (snippet('Cursor') as { mcpServers: { a2a: HttpServer } }).mcpServers.a2a;
  const code = (snippet('VS Code') as { servers: { a2a: HttpServer } }).servers.a2a;
  const [, url = '', header = ''] = /claude mcp add --transport http a2a (\S+) --header "([^"]+)"/.exec(printed) ?? [];
  const [name = '', value = ''] = header.split(': ');
  for (const server of [cursor, code, { url, headers: { [name]: value } }]) {
    const client = new Client({ name: 'snippet', version: '1' });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers: server.headers } }),
    );
    expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual(
      expect.arrayContaining(['echo', 'researcher', 'legacy']),
    );
    await client.close();
  }
});

test('the printed configuration of Claude Desktop connects by its command', async () => {
  const {
    command,
    args,
    env: own,
  } = (
    snippet('Claude Desktop') as {
      mcpServers: { a2a: { command: string; args: string[]; env: Record<string, string> } };
    }
  ).mcpServers.a2a;
  const client = new Client({ name: 'desktop', version: '1' });
  await client.connect(new StdioClientTransport({ command, args, env: own }));
  expect(await client.callTool({ name: 'echo', arguments: { message: 'hi' } })).toMatchObject({
    content: [{ text: 'hi' }],
  });
  await client.close();
});

test('npm run demo calls the streaming agent and shows its progress', async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', 'demo', '--', 'Why in 2s'], { env });
  expect(stdout).toMatch(/Planning the research[^]*Reading \(2 of 4\)[^]*# Why in 2s/);
});

test('the registration in the README works as it stands', async () => {
  const body = JSON.stringify({ url: `http://127.0.0.1:${env['DEMO_AGENTS_PORT']}/echo/`, slug: 'my-agent' });
  const headers = { authorization: `Bearer ${keyIn(printed)}`, 'content-type': 'application/json' };
  const response = await fetch(`http://127.0.0.1:${env['PORT']}/api/v1/agents`, { method: 'POST', headers, body });
  expect(response.status).toBe(201);
});

const keyIn = (text: string): string => /^ {2}Key {6}(\S+)$/m.exec(text)?.[1] ?? '';

/** The JSON below a client's name. */
function snippet(client: string): unknown {
  const [, json = ''] = new RegExp(`^${client}.*\\n {2}(\\{.*\\})$`, 'm').exec(printed) ?? [];
  return JSON.parse(json);
}
