import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_KEY } from '../../support/server.js';

const CALLERS = 3;
const PAUSE_MS = 150;
const PATIENCE_MS = 20_000;

interface Outcome {
  readonly at: number;
  readonly ms: number;
  /** Undefined: the call ended as it should. */
  readonly failure?: string;
}

export interface LoadView {
  readonly calls: number;
  readonly failed: number;
  /** What was said to those that failed, each once. */
  readonly failures: readonly string[];
}

/** A few callers who want to have something echoed all the time, whatever happens to the servers. */
export class Load implements AsyncDisposable {
  private readonly outcomes: Outcome[] = [];
  private over = false;
  private readonly callers: Promise<void>[];

  constructor(private readonly url: string) {
    this.callers = Array.from({ length: CALLERS }, () => this.keepCalling());
  }

  /** Those that began from then on, by `performance.now()`, and have ended. */
  since(start: number): LoadView {
    const own = this.outcomes.filter(({ at }) => at >= start);
    const failed = own.flatMap(({ failure }) => failure ?? []);
    return { calls: own.length, failed: failed.length, failures: [...new Set(failed)] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.over = true;
    await Promise.all(this.callers);
  }

  private async keepCalling(): Promise<void> {
    while (!this.over) {
      const at = performance.now();
      const failure = await this.call().catch((error: Error) => error.message);
      this.outcomes.push({ at, ms: performance.now() - at, failure });
      await sleep(PAUSE_MS);
    }
  }

  private async call(): Promise<string | undefined> {
    const answer = await fetch(`${this.url}/api/v1/tasks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', prefer: 'wait=15' },
      body: JSON.stringify({ agent: 'echo', message: 'still there?' }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const { state } = (await answer.json().catch(() => ({}))) as { state?: string };
    if (!answer.ok) return `HTTP ${answer.status}`;
    return state === 'completed' ? undefined : `the task is ${state}`;
  }
}
