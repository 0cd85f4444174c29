import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const here = import.meta.dirname;
const root = join(here, '..', '..');
const PROBE = pathToFileURL(join(here, 'probe.mjs')).href;
const READY_MS = 30_000;
const STOP_MS = 30_000;

export const KEY = 'bench-admin-key-0123456789';
/** Of all replicas. */
const SECRET_KEYS = `k1:${randomBytes(32).toString('base64')}`;
const SERVER = {
  PORT: '0',
  STREAM_PORT: '0',
  ADMIN_API_KEY: KEY,
  ALLOWED_NETWORKS: '127.0.0.1/32',
  LOG_FORMAT: 'json',
  // A benchmark is more than anybody may do. The limits are counted nevertheless.
  ...Object.fromEntries(
    ['', 'CALLS_', 'AGENT_'].flatMap((of) => [
      [`RATE_LIMIT_${of}PER_MINUTE`, '10000000'],
      [`RATE_LIMIT_${of}BURST`, '1000000'],
    ]),
  ),
  QUOTA_CONCURRENT_TASKS: '1000000',
};
/** Enough for all replicas of a benchmark, and whoever looks. */
const CONNECTIONS = '80';

/** The programs and directories that one benchmark needs. All are gone when it is closed, or this process ends. */
export class Stage {
  #programs = [];
  #directories = [];

  /** A program of this directory: `raw-server`, `core-server`, `http-load`, `sdk-load`, … */
  own(name, env = {}) {
    return this.#start(join(here, `${name}.mjs`), env);
  }

  demoAgents() {
    return this.#start(join(root, 'dist', 'apps', 'demo-agent', 'src', 'main.js'), { PORT: '0' });
  }

  /** The real server with its embedded database. */
  server(dataDir = this.dataDir()) {
    return this.#serve({ DATA_DIR: dataDir });
  }

  /** The real server as one of several, or alone, on a PostgreSQL and perhaps a Redis that are there already. */
  replica(databaseUrl, redis) {
    return this.#serve({ DATABASE_URL: databaseUrl, SECRET_KEYS, ...(redis && { REDIS_URL: redis.url }) });
  }

  /** A PostgreSQL for replicas. */
  postgres() {
    return this.own('postgres-server', { DATA_DIR: this.dataDir(), DATABASE_POOL_SIZE: CONNECTIONS });
  }

  /** A Redis; undefined where the machine has none. */
  async redis() {
    const redis = await this.own('redis-server', { DIRECTORY: this.dataDir() });
    return redis.url === null ? undefined : redis;
  }

  /** Where an unprivileged PostgreSQL can reach it. */
  dataDir() {
    const directory = mkdtempSync(join(tmpdir(), 'a2a-bench-'));
    chmodSync(directory, 0o755);
    this.#directories.push(directory);
    return directory;
  }

  /** What was started last ends first: it may need the others. */
  async close() {
    for (const program of this.#programs.toReversed()) await program.stop();
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
  }

  #serve(env) {
    return this.#start(join(root, 'dist', 'apps', 'server', 'src', 'main.js'), { ...SERVER, ...env });
  }

  async #start(file, env) {
    const program = new Program(file, env);
    this.#programs.push(program);
    await program.listening();
    return program;
  }
}

class Program {
  url = undefined;
  /** Where its WebSocket door is, if it has one. */
  stream = undefined;
  #child;
  #exited;
  #complaints = [];

  constructor(file, env) {
    this.#child = fork(file, {
      cwd: root,
      env: { PATH: process.env.PATH, ...env },
      execArgv: ['--import', PROBE],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.#exited = once(this.#child, 'exit').then(([code, signal]) => `${file} ended (${signal ?? code})`);
  }

  get pid() {
    return this.#child.pid;
  }

  /** Every program says in one line that and where it listens. */
  async listening() {
    const heard = new Promise((resolve) => {
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        if (line.includes('"level":"ERROR"')) this.#complaints.push(line);
        if (line.includes('istening')) resolve(JSON.parse(line.slice(line.indexOf('{'))));
      });
    });
    const tooSlow = setTimeout(() => this.#child.kill('SIGKILL'), READY_MS);
    const { url, stream } = await this.#unlessItEnds(heard);
    this.url = url;
    this.stream = stream;
    clearTimeout(tooSlow);
  }

  /** Sends it a message over IPC. */
  tell(message) {
    this.#child.send(message);
  }

  /** Sends it a message over IPC and waits for the one it sends back. */
  async ask(message) {
    const answered = once(this.#child, 'message');
    this.#child.send(message);
    const [answer] = await this.#unlessItEnds(answered);
    return answer;
  }

  /** CPU time it has used so far, in all its threads. */
  async cpuMicros() {
    return (await this.ask('cpu')).cpuMicros;
  }

  /** As when its machine goes. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const tooSlow = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    this.#child.kill('SIGTERM');
    await this.#exited;
    clearTimeout(tooSlow);
  }

  #unlessItEnds(promise) {
    const ended = this.#exited.then((how) => {
      throw new Error([how, ...this.#complaints].join('\n'));
    });
    return Promise.race([promise, ended]);
  }
}
