import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Config } from '@app/config';
import { Postgres } from '@app/database';
import type { LogLine } from './log-lines.js';
import { until } from './until.js';

/** A directory that goes at the end of its scope. */
export function temporaryDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'a2a-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A PostgreSQL of one's own, to stop, to freeze and to start again. */
export async function startOwnPostgres(dataDir: string, env: Record<string, string> = {}) {
  const config = Config.load({ DATA_DIR: dataDir, ...env });
  let postgres = await Postgres.open(config);
  const signal = (name: NodeJS.Signals) => {
    for (const pid of postgresProcesses(dataDir)) signalTo(pid, name);
  };
  return {
    url: postgres.url,
    stop: () => postgres.stop(),
    /** Stops at once, with recovery at the next start. */
    crash: () => {
      const postmaster = postmasterOf(dataDir);
      if (postmaster !== undefined) process.kill(postmaster, 'SIGQUIT');
      return postgres.stop();
    },
    startAgain: async () => {
      postgres = await Postgres.open(config);
    },
    freeze: () => {
      // First the one that starts others: none may be missed.
      const postmaster = postmasterOf(dataDir);
      if (postmaster !== undefined) {
        process.kill(postmaster, 'SIGSTOP');
        while (!isStopped(postmaster));
      }
      signal('SIGSTOP');
    },
    thaw: () => signal('SIGCONT'),
    [Symbol.asyncDispose]: () => {
      signal('SIGCONT');
      return postgres.stop();
    },
  };
}

/** It may be starting one while it is told to stop: `man 5 proc_pid_stat`, the state after the name. */
const isStopped = (pid: number): boolean => /\) T/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));

/** Unless it has just ended: connections come and go. */
function signalTo(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

export interface PostgresOwner extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly lines: LogLine[];
  /** Its first word: `Open` with a `url`, or `Failed` with a `text`. */
  outcome(): Promise<LogLine>;
}

/** Another process with an embedded PostgreSQL, perhaps of another user. */
export function startOwner(dataDir: string, uid = process.getuid?.()): PostgresOwner {
  const script = join(import.meta.dirname, 'postgres-process.mjs');
  const child = spawn(process.execPath, [script], {
    env: { DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
    uid,
    gid: uid,
  });
  const lines: LogLine[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((line) => JSON.parse(line) as LogLine));
  });
  const said = () => lines.find(({ message }) => message === 'Open' || message === 'Failed');
  return {
    child,
    lines,
    outcome: () => until('the process has opened its PostgreSQL or failed to', said, 60_000),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** The process that holds the directory, and those below it. */
export function postgresProcesses(dataDir: string): number[] {
  const postmaster = postmasterOf(dataDir);
  if (postmaster === undefined) return [];
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return table.flatMap(([pid = 0, parent]) => (pid === postmaster || parent === postmaster ? [pid] : []));
}

export function postmasterOf(dataDir: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8'), 10);
  } catch {
    return undefined;
  }
}
