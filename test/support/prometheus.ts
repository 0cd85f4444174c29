import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.js';
import { until } from './until.js';

const isThere = () => spawnSync('promtool', ['--version']).status === 0;

/**
 * Debian's Prometheus with promtool, installed when it can be. Elsewhere its tests are skipped, which is said; in CI they
 * must run.
 */
export function findPrometheus(): boolean {
  if (isThere()) return true;
  if (process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0) {
    // RUNLEVEL: the service is not to be started.
    const options = {
      stdio: 'ignore' as const,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    };
    spawnSync('apt-get', ['update'], options);
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'prometheus'], options);
    if (isThere()) return true;
  }
  if (process.env.CI) throw new Error('Install prometheus (with promtool): CI runs every test.');
  console.warn('\n!!! No promtool on PATH (Debian: apt-get install prometheus): its tests are SKIPPED.\n');
  return false;
}

/** @returns what promtool says, and whether it is content */
export function promtool(args: readonly string[], input = ''): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly resultType: string; readonly result: readonly Sample[] };
}

/** A real Prometheus that scrapes these addresses (`host:port`) every second, by job. */
export async function startPrometheus(jobs: Readonly<Record<string, readonly string[]>>) {
  const directory = mkdtempSync(join(tmpdir(), 'a2a-prometheus-'));
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    scrape_configs: Object.entries(jobs).map(([job_name, targets]) => ({ job_name, static_configs: [{ targets }] })),
  };
  // YAML takes JSON.
  writeFileSync(join(directory, 'prometheus.yml'), JSON.stringify(config));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const options = [
    `--config.file=${join(directory, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child: ChildProcess = spawn('prometheus', options, { stdio: 'ignore' });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    rmSync(directory, { recursive: true, force: true });
  };
  const query = async (expr: string): Promise<readonly Sample[]> => {
    const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`);
    const { status, error, data } = (await response.json()) as Answer;
    if (status !== 'success') throw new Error(`${expr}: ${error}`);
    return data?.result ?? [];
  };
  const isReady = () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until('Prometheus is ready', isReady, 20_000).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url, query, [Symbol.asyncDispose]: stop };
}
