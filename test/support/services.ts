import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Config } from '@app/config';
import { migrate, Postgres } from '@app/database';
import { configureLog } from '@app/telemetry';
import { migrations } from '@migrations';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { freePort } from './ports.js';
import { SECRET_KEYS } from './secret-keys.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A server with the migrated template; see `newDatabase()`. */
    databaseUrl: string;
    templateDatabase: string;
    /** Undefined: no Redis here; its tests count as skipped. */
    redisUrl: string | undefined;
  }
}

type Stop = () => Promise<void>;

/** The PostgreSQL and the Redis that all test files share: named by the environment, or started here. */
export default async function setup(project: TestProject): Promise<Stop> {
  configureLog({ level: 'error', json: false });
  const directory = mkdtempSync(join(tmpdir(), 'a2a-test-'));
  const stops: Stop[] = [async () => rmSync(directory, { recursive: true, force: true })];
  const teardown = async () => {
    for (const stop of stops.toReversed()) await stop();
  };
  try {
    const databaseUrl = process.env.TEST_DATABASE_URL ?? (await startPostgres(directory, stops));
    project.provide('databaseUrl', databaseUrl);
    project.provide('templateDatabase', await makeTemplate(databaseUrl, stops));
    project.provide('redisUrl', process.env.TEST_REDIS_URL ?? (await startRedis(directory, stops)));
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}

async function startPostgres(directory: string, stops: Stop[]): Promise<string> {
  const postgres = await Postgres.open(Config.load({ DATA_DIR: directory, DATABASE_POOL_SIZE: '180' }));
  stops.push(postgres.stop);
  return postgres.url;
}

/** Migrated once; a copy of it takes 50 ms. */
async function makeTemplate(serverUrl: string, stops: Stop[]): Promise<string> {
  const name = `a2a_template_${process.pid}`;
  const admin = async (sql: string) => {
    const client = new pg.Client(serverUrl);
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  await admin(`create database ${name}`);
  stops.push(() => admin(`drop database ${name}`));
  const url = new URL(serverUrl);
  url.pathname = name;
  await migrate(Config.load({ DATABASE_URL: url.href, SECRET_KEYS }), migrations);
  return name;
}

async function startRedis(directory: string, stops: Stop[]): Promise<string | undefined> {
  const program = ['redis-server', 'valkey-server'].find((name) => spawnSync(name, ['--version']).status === 0);
  if (program === undefined) {
    if (process.env.CI) throw new Error('Install redis-server or set TEST_REDIS_URL: CI runs every test.');
    console.warn(
      '\n!!! No redis-server or valkey-server on PATH and no TEST_REDIS_URL: the Redis tests are SKIPPED.\n',
    );
    return undefined;
  }
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory];
  const redis = spawn(program, options, { stdio: 'ignore' });
  stops.push(() => end(redis));
  while (!(await answers(port))) {
    if (redis.exitCode !== null) throw new Error(`${program} ended with ${redis.exitCode}`);
    await sleep(20);
  }
  return `redis://127.0.0.1:${port}`;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
