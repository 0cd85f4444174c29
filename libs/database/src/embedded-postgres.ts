import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Log } from '@app/telemetry';
import { findBinaries } from './postgres-binaries.js';
import { ensureCluster, openDirectory, type PostgresDirectory, runningOn } from './postgres-directory.js';
import { PostgresProcess } from './postgres-process.js';
import { DatabaseStartError, explainOutput } from './start-error.js';

/** An earlier PostgreSQL on the same directory may still be stopping. */
const WAIT_FOR_EARLIER_MS = 5_000;
const RESTARTS = 3;
const RESTARTS_WITHIN_MS = 60_000;

const log = new Log('EmbeddedPostgres');

export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly maxConnections: number;
  /** PostgreSQL ended by itself too often; there is no database any more. */
  readonly onLost: (error: Error) => void;
}

/** A real PostgreSQL below us: started, watched, started again when it dies alone, stopped with us. */
export class EmbeddedPostgres {
  readonly url: string;
  private readonly deaths: number[] = [];
  private stopping = false;
  private running: PostgresProcess;

  private constructor(
    private readonly directory: PostgresDirectory,
    private readonly program: string,
    private readonly options: EmbeddedOptions,
  ) {
    this.url = `postgres://a2a@localhost/postgres?host=${encodeURIComponent(directory.sockets)}`;
  }

  /** @throws DatabaseStartError */
  static async start(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
    const directory = openDirectory(options.dataDir);
    try {
      const binaries = await findBinaries(directory.base, directory.user);
      await ensureCluster(directory, binaries);
      const embedded = new EmbeddedPostgres(directory, binaries.postgres, options);
      await embedded.launch();
      return embedded;
    } catch (error) {
      if (directory.temporarySockets) rmSync(directory.sockets, { recursive: true, force: true });
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running.stop();
  }

  private async launch(): Promise<void> {
    const deadline = Date.now() + WAIT_FOR_EARLIER_MS;
    for (;;) {
      const other = runningOn(this.directory.cluster);
      const outcome = other === undefined ? await this.startProcess() : '';
      if (outcome instanceof PostgresProcess) return this.watch(outcome);
      if (other === undefined && !isLocked(outcome)) throw explainOutput(this.directory.base, outcome);
      if (Date.now() > deadline) throw alreadyRunning(this.directory.cluster, other ?? outcome);
      await sleep(100);
    }
  }

  private startProcess(): Promise<PostgresProcess | string> {
    return PostgresProcess.start(this.program, this.directory, this.options.maxConnections);
  }

  private watch(running: PostgresProcess): void {
    this.running = running;
    void running.ended.then((lastWords) => this.revive(lastWords));
  }

  private async revive(lastWords: string): Promise<void> {
    if (this.stopping) return;
    const recent = this.deaths.filter((time) => time > Date.now() - RESTARTS_WITHIN_MS);
    if (recent.length >= RESTARTS) return this.options.onLost(explainOutput(this.directory.base, lastWords));
    this.deaths.splice(0, Infinity, ...recent, Date.now());
    log.warn('PostgreSQL ended by itself and is started again', { attempt: recent.length + 1, lastWords });
    try {
      await this.launch();
    } catch (error) {
      await this.revive(error instanceof Error ? error.message : String(error));
    }
    if (this.stopping) await this.running.stop();
  }
}

const isLocked = (output: string): boolean => /lock file .* already exists|is still in use/.test(output);

function alreadyRunning(cluster: string, holder: number | string): DatabaseStartError {
  const pid = typeof holder === 'number' ? String(holder) : (/PID (\d+)/.exec(holder)?.[1] ?? 'unknown');
  return new DatabaseStartError(
    `Another PostgreSQL (process ${pid}) is running on ${cluster}: one server at a time. ` +
      'Stop that server, or give this one a DATA_DIR of its own.',
  );
}
