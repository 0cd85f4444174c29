import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { makeSocketDirectory, POSTGRES_ENV, type PostgresDirectory } from './postgres-directory.js';

/** Longest wait for a clean stop; then PostgreSQL is stopped at once and recovers at its next start. */
const STOP_MS = 10_000;
const KEPT_OUTPUT = 4_000;

/**
 * The shell holds our pipe: when this process ends in any way, kill -9 too, it reads the end of it and stops PostgreSQL.
 * SIGINT is PostgreSQL's fast shutdown.
 */
const GUARD = `
exec 3<&0
"$@" 3<&- </dev/null &
server=$!
(read -r _ <&3; kill -INT "$server") 2>/dev/null &
guard=$!
exec 3<&-
wait "$server"
status=$?
kill "$guard" 2>/dev/null
[ -z "$TEMPORARY_SOCKETS" ] || rmdir "$TEMPORARY_SOCKETS" 2>/dev/null
exit "$status"
`;

/** `log` ranks above `error`: what PostgreSQL has to say about itself, and never a statement. */
const SETTINGS = {
  listen_addresses: '',
  shared_buffers: '64MB',
  log_min_messages: 'log',
  unix_socket_permissions: '0700',
};

/** One running PostgreSQL, which does not outlive us. */
export class PostgresProcess {
  /** Its last words, when it ends. */
  readonly ended: Promise<string>;
  private output = '';

  private constructor(private readonly child: ChildProcess) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.output = (this.output + text).slice(-KEPT_OUTPUT);
      child.emit('output');
    });
    child.stdin?.on('error', () => undefined); // it ended before us
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => {
        child.stdin?.destroy();
        resolve(this.output || `it ended with ${signal ?? code}`);
      });
    });
  }

  /** @returns the process when it takes connections, else its last words */
  static async start(
    program: string,
    directory: PostgresDirectory,
    maxConnections: number,
  ): Promise<PostgresProcess | string> {
    makeSocketDirectory(directory);
    const { cluster, sockets, temporarySockets, user } = directory;
    const settings = Object.entries({ ...SETTINGS, max_connections: maxConnections });
    const args = ['-D', cluster, '-k', sockets, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    const child = spawn('/bin/sh', ['-c', GUARD, 'sh', program, ...args], {
      ...user,
      cwd: '/',
      env: { ...POSTGRES_ENV, TEMPORARY_SOCKETS: temporarySockets ? sockets : '' },
      stdio: ['pipe', 'ignore', 'pipe'],
      detached: true, // Ctrl-C is for us: PostgreSQL stops after we have
    });
    const started = new PostgresProcess(child);
    return Promise.race([started.ready(), started.ended]);
  }

  async stop(): Promise<void> {
    this.child.stdin?.end();
    const overdue = setTimeout(() => this.killGroup('SIGQUIT'), STOP_MS);
    await this.ended;
    clearTimeout(overdue);
  }

  private async ready(): Promise<PostgresProcess> {
    while (!this.output.includes('ready to accept connections')) await once(this.child, 'output');
    return this;
  }

  private killGroup(signal: NodeJS.Signals): void {
    if (this.child.pid !== undefined) process.kill(-this.child.pid, signal);
  }
}
