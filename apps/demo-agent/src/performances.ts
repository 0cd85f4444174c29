import { setTimeout as sleep } from 'node:timers/promises';
import type { Step } from './steps.js';

export type Told = Exclude<Step, { kind: 'pause' }>;

/** The turns that an agent is performing right now, by task id; ends them all when it closes. */
export class Performances {
  private readonly running = new Map<string, AbortController>();

  /** Plays the steps in their own time; says nothing any more once stopped. */
  async perform(taskId: string, steps: Iterable<Step>, tell: (step: Told) => void): Promise<void> {
    const stop = new AbortController();
    this.running.set(taskId, stop);
    try {
      for (const step of steps) {
        if (step.kind === 'pause') await sleep(step.ms, undefined, { signal: stop.signal });
        else tell(step);
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      if (this.running.get(taskId) === stop) this.running.delete(taskId);
    }
  }

  stop(taskId: string): void {
    this.running.get(taskId)?.abort();
  }

  stopAll(): void {
    for (const stop of this.running.values()) stop.abort();
  }
}
