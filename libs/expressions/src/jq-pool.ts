import { DomainError } from '@app/core';
import { compileJq, type JqModule } from './jq-module.js';
import { type Answer, JqThread } from './jq-thread.js';
import { MAX_MEMORY_BYTES, MAX_THREADS, MAX_WAITING } from './limits.js';

/** A program for jq. */
export interface Job {
  readonly program: string;
  /** Its input; asked for when its turn has come, so that those who wait hold no copies. */
  readonly input: () => string;
}

interface Waiting {
  readonly job: Job;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** A few threads and who waits for them, first come, first served. A thread that was stopped or died is replaced when it is needed. */
export class JqPool {
  private readonly waiting = new Set<Waiting>();
  private readonly lanes: { busy: boolean; thread?: JqThread }[] = Array.from({ length: MAX_THREADS }, () => ({
    busy: false,
  }));
  private module?: Promise<JqModule>;
  private closed = false;

  /** @param script what the threads run */
  constructor(private readonly script: URL) {}

  /**
   * @param signal gives up waiting; jq, if it has begun, goes on within its limits, and nobody sees the result
   * @throws DomainError unavailable: too many wait, or the pool is closed; the signal's reason
   */
  async run(job: Job, signal?: AbortSignal): Promise<Answer> {
    signal?.throwIfAborted();
    if (this.closed) throw stopping();
    if (this.waiting.size >= MAX_WAITING) {
      throw new DomainError('unavailable', `${MAX_WAITING} expressions wait to be evaluated already`);
    }
    return new Promise<Answer>((resolve, reject) => {
      const forget = () => signal?.removeEventListener('abort', giveUp);
      const waiting = {
        job,
        resolve: (answer: Answer) => (forget(), resolve(answer)),
        reject: (error: unknown) => (forget(), reject(error)),
      };
      const giveUp = () => {
        this.waiting.delete(waiting);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.waiting.add(waiting);
      this.serve();
    });
  }

  /** Ends the threads; whoever waits is told. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { reject } of this.waiting) reject(stopping());
    this.waiting.clear();
    await Promise.all(this.lanes.map(async ({ thread }) => thread?.end()));
  }

  private serve(): void {
    const free = this.lanes.filter(({ busy }) => !busy);
    const lane = free.find(({ thread }) => thread !== undefined) ?? free[0];
    const [next] = this.waiting;
    if (lane === undefined || next === undefined) return;
    this.waiting.delete(next);
    lane.busy = true;
    void this.work(lane, next).finally(() => {
      lane.busy = false;
      this.serve();
    });
  }

  private async work(lane: { thread?: JqThread }, { job, resolve, reject }: Waiting): Promise<void> {
    try {
      const input = job.input();
      if (lane.thread?.ended) lane.thread = undefined;
      lane.thread ??= await this.start();
      if (this.closed) throw stopping();
      const answer = await lane.thread.run(input, job.program);
      if (this.closed) throw stopping();
      resolve(answer);
    } catch (error) {
      reject(error);
    }
    // Its processor is free only when it has stopped.
    if (lane.thread?.ended || this.closed) await lane.thread?.end();
  }

  private async start(): Promise<JqThread> {
    this.module ??= compileJq(MAX_MEMORY_BYTES);
    try {
      return await JqThread.start(this.script, await this.module);
    } catch (error) {
      this.module = undefined;
      throw error;
    }
  }
}

const stopping = () => new DomainError('unavailable', 'The server is stopping');
