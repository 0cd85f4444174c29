import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { JqModule } from './jq-module.js';
import {
  EVALUATION_MS,
  MAX_OUTPUT_BYTES,
  START_MS,
  THREAD_HEAP_MB,
  WALL_FACTOR,
  YOUNG_GENERATION_MB,
} from './limits.js';

/** What jq said, or why it was stopped. */
export type Answer =
  | { readonly stdout: string; readonly stderr: string; readonly exitCode: number }
  | { readonly aborted: 'memory' | 'output' | 'crash' | 'time' };

/** How long the timer waits at least before it looks again. */
const LOOK_AGAIN_MS = 10;
/** Of /proc/…/stat: 100 a second on every Linux that Node.js runs on. */
const TICK_MS = 10;

/** One worker thread with jq. Runs one program at a time; keeps the process alive only while it does. */
export class JqThread {
  private settle: (answer: Answer) => void = () => undefined;

  private constructor(
    private readonly worker: Worker,
    private readonly threadId: string | undefined,
  ) {
    worker.on('message', (answer: Answer) => this.settle(answer));
    worker.on('exit', () => {
      this.ended = true;
      this.settle({ aborted: 'crash' });
    });
    // The exit that follows is what counts.
    worker.on('error', () => undefined);
  }

  /** Whether it can run no more. */
  ended = false;

  /** @param script a copy of jq-worker.js, or what speaks like it */
  static async start(script: URL, module: JqModule): Promise<JqThread> {
    const worker = new Worker(script, {
      workerData: { module, maxOutputBytes: MAX_OUTPUT_BYTES },
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MB, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    const settled = new AbortController();
    const signal = AbortSignal.any([settled.signal, AbortSignal.timeout(START_MS)]);
    try {
      const exited = once(worker, 'exit', { signal }).then(([code]) =>
        Promise.reject(new Error(`It exited with ${code}`)),
      );
      const [{ threadId }] = await Promise.race([once(worker, 'message', { signal }), exited]);
      worker.unref();
      return new JqThread(worker, threadId);
    } catch (cause) {
      await worker.terminate();
      throw new Error('jq did not start', { cause });
    } finally {
      settled.abort();
    }
  }

  /** Does not throw: a thread that dies of a program says `crash`, and has ended. */
  async run(input: string, program: string): Promise<Answer> {
    if (this.ended) return { aborted: 'crash' };
    const finished = new AbortController();
    const { signal } = finished;
    this.worker.ref();
    try {
      return await new Promise<Answer>((resolve) => {
        this.settle = resolve;
        const expire = () => {
          this.ended = true;
          resolve({ aborted: 'time' });
        };
        this.expiry(signal).then(expire, () => undefined);
        this.worker.postMessage({ input, program });
      });
    } finally {
      finished.abort();
      this.worker.unref();
    }
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.worker.terminate();
  }

  /** Resolves when the thread has used up its time from now. */
  private async expiry(signal: AbortSignal): Promise<void> {
    const [started, usedBefore] = [performance.now(), this.processorTime()];
    for (let left = EVALUATION_MS; left > 0;) {
      await sleep(Math.max(left, LOOK_AGAIN_MS), undefined, { signal });
      const elapsed = performance.now() - started;
      // A busy machine makes an evaluation take long through no fault of its own.
      const used = usedBefore === undefined ? elapsed : (this.processorTime() ?? Infinity) - usedBefore;
      left = Math.min(EVALUATION_MS - used, EVALUATION_MS * WALL_FACTOR - elapsed);
    }
  }

  /** Milliseconds of processor time of the thread so far; undefined where the system does not tell. */
  private processorTime(): number | undefined {
    if (this.threadId === undefined) return undefined;
    try {
      const stat = readFileSync(`/proc/self/task/${this.threadId}/stat`, 'utf8');
      // utime and stime are the 14th and 15th; the second is the name in brackets, which may hold spaces.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    } catch {
      return undefined;
    }
  }
}
