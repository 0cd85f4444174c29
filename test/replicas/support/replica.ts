import { setTimeout as sleep } from 'node:timers/promises';
import { launch } from '../../support/server.js';
import { until } from '../../support/until.js';

/** `preStopSleepSeconds` of the chart, in little: what was sent there before has been accepted by then. */
const PRE_STOP_MS = 1_000;

interface ReplicaLine {
  readonly level: string;
  readonly message: string;
  readonly status?: unknown;
}

/** One server process after the other under one name, as a pod of a deployment. */
export class Replica {
  /** Undefined while it is not running or still starting. */
  url: string | undefined;
  /** By `performance.now()`; infinite while it does not listen. */
  listeningSince = Infinity;
  /** Since then it has not stood still either, so that it may judge others. */
  steadySince = Infinity;
  /** The load balancer was told that it will be stopped. */
  isLeaving = false;
  /** It ended, and nobody had told it to. */
  died = false;
  /** What the next start runs; undefined: the build under test. */
  program: string | undefined;
  private process: ReturnType<typeof launch> | undefined;
  private ending = false;
  /** What earlier processes of this name wrote. */
  private readonly earlier: ReplicaLine[] = [];

  constructor(
    readonly name: string,
    private readonly env: Record<string, string | undefined>,
  ) {}

  get pid(): number {
    return this.process?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.url !== undefined;
  }

  get logs(): readonly ReplicaLine[] {
    return [...this.earlier, ...(this.process?.logs ?? [])];
  }

  async start(): Promise<void> {
    this.earlier.push(...(this.process?.logs ?? []));
    this.process = launch(this.env, [], this.program);
    this.ending = false;
    this.isLeaving = false;
    const { exited, stderr } = this.process;
    void exited.then(() => {
      if (this.ending) return;
      this.died = true;
      console.error(`${this.name} died by itself:\n${stderr()}`);
    });
    this.url = await this.process.listening();
    this.listeningSince = performance.now();
    this.steadySince = this.listeningSince;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** As Kubernetes ends a pod: first out of the load balancer, then SIGTERM. @returns its exit code */
  async stop(): Promise<number | null> {
    this.isLeaving = true;
    await sleep(PRE_STOP_MS);
    const { code } = await this.end('SIGTERM');
    return code;
  }

  /** Stops it for a while without its knowing. */
  async freezeFor(ms: number): Promise<void> {
    this.steadySince = Infinity;
    this.process?.child.kill('SIGSTOP');
    await sleep(ms);
    this.process?.child.kill('SIGCONT');
    this.steadySince = performance.now();
  }

  async readiness(): Promise<{ status: number; text: string } | undefined> {
    try {
      const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(5_000) });
      return { status: answer.status, text: await answer.text() };
    } catch {
      return undefined;
    }
  }

  async becomesReady(withinMs = 20_000): Promise<void> {
    await until(`${this.name} is ready`, async () => (await this.readiness())?.status === 200, withinMs);
  }

  private async end(signal: NodeJS.Signals) {
    this.ending = true;
    const ending = this.process?.stop(signal);
    if (signal === 'SIGKILL') this.url = undefined;
    const exit = await ending;
    this.url = undefined;
    this.listeningSince = Infinity;
    this.steadySince = Infinity;
    return exit ?? { code: null, signal: null };
  }
}
