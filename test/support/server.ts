import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Client, type ClientOptions, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { newDatabase } from './database.js';
import { SECRET_KEYS } from './secret-keys.js';

const PROGRAM = 'dist/apps/server/src/main.js';
/** A start takes a second; on a machine that many tests share, many more. */
const READY_MS = 60_000;

export const ADMIN_KEY = 'test-admin-key-0123456789';

/** Tests come thick and fast; limits have tests of their own. */
const ENOUGH = Object.fromEntries(
  ['', 'CALLS_', 'AGENT_', 'ADDRESS_'].flatMap((of) => [
    [`RATE_LIMIT_${of}PER_MINUTE`, '10000000'],
    [`RATE_LIMIT_${of}BURST`, '1000000'],
  ]),
);

/** Secrets of every server: no log of any test may have them. */
const PLANTED = [ADMIN_KEY, SECRET_KEYS.slice('k1:'.length)];

/** One line of the server's log. */
type LogLine = Record<string, unknown> & { level: string; context: string; message: string };

export interface ServerOptions {
  /** Environment on top of the usual; undefined takes a variable away. */
  readonly env?: Record<string, string | undefined>;
}

export type TestServer = Awaited<ReturnType<typeof startServer>>;

/** The built server as a process of its own, on a free port, with its own database. */
export async function startServer({ env = {} }: ServerOptions = {}) {
  const database = env['DATABASE_URL'] === undefined && !('DATA_DIR' in env) ? await newDatabase() : undefined;
  const process = launch({ ...(database && { DATABASE_URL: database.url }), ...env });
  const url = await process.listening().catch(async (error: unknown) => {
    await database?.[Symbol.asyncDispose]();
    throw error;
  });

  /** A REST request with the admin key; `body` is sent as JSON. */
  const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      headers: {
        authorization: `Bearer ${ADMIN_KEY}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    });

  /** The JSON of an answer that must have this status. */
  const json = async <T = Record<string, unknown>>(
    status: number,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<T> => {
    const response = await call(method, path, body);
    const text = await response.text();
    if (response.status !== status) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };

  /** A connected MCP client of this era. */
  const mcp = async (
    era: 'modern' | 'legacy' = 'modern',
    key = ADMIN_KEY,
    listChanged?: ClientOptions['listChanged'],
  ) => {
    const versionNegotiation = { mode: era === 'modern' ? { pin: '2026-07-28' } : ('legacy' as const) };
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation, listChanged });
    const requestInit = { headers: { authorization: `Bearer ${key}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit }));
    return client;
  };

  const stop = async (signal?: NodeJS.Signals) => {
    await process.stop(signal);
    await database?.[Symbol.asyncDispose]();
  };
  /** Where its WebSocket door listens. */
  const streamUrl = String(process.logs.find(({ message }) => message === 'Listening')?.['stream']);
  const databaseUrl = database?.url ?? env['DATABASE_URL'] ?? '';
  return { ...process, url, streamUrl, databaseUrl, call, json, mcp, stop, [Symbol.asyncDispose]: () => stop() };
}

/** Starts the program with this environment, whatever comes of it. @param program of another build */
export function launch(env: Record<string, string | undefined>, args: string[] = [], program = PROGRAM) {
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...args], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      STREAM_PORT: '0',
      LOG_FORMAT: 'json',
      LOG_LEVEL: 'debug',
      ADMIN_API_KEY: ADMIN_KEY,
      SECRET_KEYS,
      ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      ...ENOUGH,
      QUOTA_CONCURRENT_TASKS: '1000000',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const { lines, waitForLog } = followLog(child);
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = once(child, 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));

  const listening = async (): Promise<string> => {
    const line = await Promise.race([
      waitForLog(({ message }) => message === 'Listening', READY_MS),
      exited.then(({ code }) => {
        throw new Error(
          `The server ended with ${code} instead of listening:\n${stderr}${lines.map((l) => JSON.stringify(l)).join('\n')}`,
        );
      }),
    ]);
    return String(line['url']);
  };

  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const end = await exited;
    const said = stderr + lines.map((line) => JSON.stringify(line)).join('\n');
    if (PLANTED.some((secret) => said.includes(secret))) throw new Error('The log of the server has a secret');
    return end;
  };
  return { pid: child.pid ?? 0, child, logs: lines, waitForLog, listening, exited, stderr: () => stderr, stop };
}

function followLog(child: ChildProcess) {
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  if (child.stdout === null) throw new Error('stdout is not piped');
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(parsed(text));
    for (const check of waiting) check();
  });
  /** The first line, seen already or to come, for which `fits` is true. */
  const waitForLog = (fits: (line: LogLine) => boolean, timeoutMs = 10_000): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const check = () => {
        const line = lines.find(fits);
        if (line === undefined) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve(line);
      };
      const timer = setTimeout(() => {
        waiting.delete(check);
        reject(
          new Error(
            `No such log line within ${timeoutMs} ms; there are:\n${lines.map((line) => JSON.stringify(line)).join('\n')}`,
          ),
        );
      }, timeoutMs);
      waiting.add(check);
      check();
    });
  return { lines, waitForLog };
}

/** What is not a line of the log (`config` prints JSON for people) is kept as it is. */
function parsed(text: string): LogLine {
  if (text.startsWith('{"time":')) return JSON.parse(text) as LogLine;
  return { level: 'NONE', context: 'stdout', message: text };
}
