import { fork } from 'node:child_process';
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

/** The programs and directories that one benchmark needs. All are gone when it is closed, or this process ends. */
export class Stage {
  #programs = [];
  #directories = [];

  /** A program of this directory: `raw-server`, `core-server`, `http-load`, `sdk-load`. */
  own(name) {
    return this.#start(join(here, `${name}.mjs`), {});
  }

  demoAgents() {
    return this.#start(join(root, 'dist', 'apps', 'demo-agent', 'src', 'main.js'), { PORT: '0' });
  }

  /** The real server with its embedded database. */
  server(dataDir = this.dataDir()) {
    return this.#start(join(root, 'dist', 'apps', 'server', 'src', 'main.js'), {
      DATA_DIR: dataDir,
      PORT: '0',
      ADMIN_API_KEY: KEY,
      ALLOWED_NETWORKS: '127.0.0.1/32',
      LOG_FORMAT: 'json',
    });
  }

  /** Where an unprivileged PostgreSQL can reach it. */
  dataDir() {
    const directory = mkdtempSync(join(tmpdir(), 'a2a-bench-'));
    chmodSync(directory, 0o755);
    this.#directories.push(directory);
    return directory;
  }

  async close() {
    await Promise.all(this.#programs.map((program) => program.stop()));
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
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
        if (line.includes('istening')) resolve(JSON.parse(line.slice(line.indexOf('{'))).url);
      });
    });
    const tooSlow = setTimeout(() => this.#child.kill('SIGKILL'), READY_MS);
    this.url = await this.#unlessItEnds(heard);
    clearTimeout(tooSlow);
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
