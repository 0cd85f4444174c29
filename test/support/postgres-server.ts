import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './ports.js';
import { temporaryDirectory } from './own-postgres.js';
import { until } from './until.js';

/** Where Debian puts each version. */
const DEBIAN = '/usr/lib/postgresql';
const NEEDED = ['initdb', 'postgres', 'pg_dump', 'psql'];
/** PostgreSQL refuses root. */
const NOBODY = { uid: 65534, gid: 65534 };
/** The shell holds our pipe: however this process ends, it reads the end of it and stops PostgreSQL. */
const GUARD = 'exec 3<&0; "$@" 3<&- </dev/null & p=$!; (read -r _ <&3; kill -INT $p) 2>/dev/null & exec 3<&-; wait $p';

const bin = findBin();
/** A server and client tools of one version, which `pg_dump` insists on. */
export const hasPostgresTools = bin !== undefined;

function findBin(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : [];
  const asked = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  const found = [...versions.map((version) => join(DEBIAN, version, 'bin')), asked].find((directory) =>
    NEEDED.every((name) => directory !== '' && existsSync(join(directory, name))),
  );
  if (found === undefined && process.env.CI)
    throw new Error('Install PostgreSQL with its client tools (Debian: postgresql): CI runs every test.');
  return found;
}

/** A PostgreSQL as operators have it: over TCP, superuser `postgres`, database `a2a_mcp`, its client tools beside it. */
export class PostgresServer implements AsyncDisposable {
  private process: ChildProcess | undefined;

  private constructor(
    private readonly directory: ReturnType<typeof temporaryDirectory>,
    readonly port: number,
  ) {}

  static async start(): Promise<PostgresServer> {
    const server = new PostgresServer(temporaryDirectory(), await freePort());
    try {
      server.makeCluster();
      await server.startAgain();
      await server.query('create database a2a_mcp', 'postgres');
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/a2a_mcp`;
  }

  /** What the chart gives the pods, and where the client tools are. */
  get env(): Record<string, string> {
    return {
      PATH: `${bin}:${process.env.PATH}`,
      POSTGRES_HOST: '127.0.0.1',
      POSTGRES_USER: 'postgres',
      PGHOST: '127.0.0.1',
      PGPORT: String(this.port),
      PGUSER: 'postgres',
      PGDATABASE: 'a2a_mcp',
    };
  }

  async query(sql: string, database = 'a2a_mcp'): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, user: 'postgres', database });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** The fast way: clients are cut off. */
  async stop(): Promise<void> {
    const running = this.process;
    this.process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    running.stdin?.end();
    await once(running, 'exit');
  }

  async startAgain(): Promise<void> {
    const { path } = this.directory;
    const settings = { listen_addresses: '127.0.0.1', port: this.port, max_connections: 120, shared_buffers: '64MB' };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const command = [join(bin ?? '', 'postgres'), '-D', join(path, 'data'), '-k', path, ...options];
    this.process = spawn('/bin/sh', ['-c', GUARD, 'sh', ...command], {
      ...unprivileged,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let said = '';
    this.process.stderr?.on('data', (text: Buffer) => (said += text.toString()));
    await until(
      `PostgreSQL is ready`,
      () => {
        if (this.process?.exitCode !== null) throw new Error(`PostgreSQL ended: ${said}`);
        return said.includes('ready to accept connections');
      },
      20_000,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.directory[Symbol.dispose]();
  }

  private makeCluster(): void {
    const { path } = this.directory;
    const data = join(path, 'data');
    mkdirSync(data, { mode: 0o700 });
    if (unprivileged !== undefined) for (const each of [path, data]) chownSync(each, NOBODY.uid, NOBODY.gid);
    const args = ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'];
    execFileSync(join(bin ?? '', 'initdb'), args, { ...unprivileged, cwd: '/', stdio: 'pipe' });
  }
}

const unprivileged = process.getuid?.() === 0 ? NOBODY : undefined;
