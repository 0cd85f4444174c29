import { spawn } from 'node:child_process';
import { once } from 'node:events';

export const STDIO_PROGRAM = ['dist/apps/server/src/main.js', 'stdio'];

/** The program with these lines on stdin, which then ends. */
export async function runStdio(args: string[], lines: readonly unknown[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [...STDIO_PROGRAM, ...args], { env: { PATH: process.env.PATH, ...env } });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  child.stdin.end(lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
  const [code] = (await once(child, 'close')) as [number];
  const messages = output.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { id: unknown });
  return { code, stderr: output.stderr, messages };
}

/** The legacy handshake and a call, as a client writes them. */
export const hello = {
  jsonrpc: '2.0',
  id: 'hello',
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};
export const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
export const echo = (id: number) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'echo', arguments: { q: 'x' } },
});
