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

  /** A stopping server may answer with the task as it is then: who wants its end asks for it. */
  private async call(): Promise<string | undefined> {
    const deadline = performance.now() + PATIENCE_MS;
    let answer = await this.ask('POST', '', { agent: 'echo', message: 'still there?' });
    for (;;) {
      const { state, taskId } = (await answer.json().catch(() => ({}))) as { state?: string; taskId?: string };
      if (!answer.ok) return `HTTP ${answer.status}`;
      if (state === 'completed') return undefined;
      if (performance.now() > deadline || (state !== 'submitted' && state !== 'working')) return `the task is ${state}`;
      await sleep(PAUSE_MS);
      answer = await this.ask('GET', `/${taskId}`);
    }
  }

  private ask(method: string, path: string, body?: object): Promise<Response> {
    return fetch(`${this.url}/api/v1/tasks${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', prefer: 'wait=15' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  }
}
