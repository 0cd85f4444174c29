import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.js';
import { until } from './until.js';

export const hasPrometheus = spawnSync('prometheus', ['--version']).status === 0;
if (!hasPrometheus && process.env.CI) throw new Error('Install prometheus: CI runs every test.');

/** So that a rate is there after two seconds. */
const SCRAPE_SECONDS = 1;

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A real Prometheus that scrapes `/metrics` of servers on 127.0.0.1. */
export class PrometheusServer implements AsyncDisposable {
  private constructor(
    readonly port: number,
    private readonly directory: string,
    private readonly process: ChildProcess,
  ) {}

  /** @param ports of the servers */
  static async start(ports: readonly number[]): Promise<PrometheusServer> {
    const directory = await mkdtemp(join(tmpdir(), 'a2a-prometheus-'));
    const config = join(directory, 'prometheus.yml');
    const targets = ports.map((port) => `127.0.0.1:${port}`);
    await writeFile(
      config,
      JSON.stringify({
        global: { scrape_interval: `${SCRAPE_SECONDS}s` },
        scrape_configs: [{ job_name: 'a2a-mcp', static_configs: [{ targets }] }],
      }),
    );
    const port = await freePort();
    const options = [`--config.file=${config}`, `--storage.tsdb.path=${directory}/data`, '--log.level=error'];
    const process = spawn('prometheus', [...options, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
    const server = new PrometheusServer(port, directory, process);
    await until('Prometheus looks at them', async () => (await server.query('up').catch(() => [])).length > 0, 20_000);
    return server;
  }

  /** What an expression gives now. */
  async query(expression: string): Promise<Sample[]> {
    const url = `http://127.0.0.1:${this.port}/api/v1/query?query=${encodeURIComponent(expression)}`;
    const answer = (await (await fetch(url)).json()) as {
      status: string;
      error?: string;
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode === null) {
      this.process.kill();
      await once(this.process, 'exit');
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}
