import type { A2aClient, AgentConnection } from '@app/a2a';
import { Log } from '@app/telemetry';
import type { Task } from './task-memory.js';

/** How long an agent may take to tell the id of a task that is to be canceled, and to answer `CancelTask`. */
const PATIENCE_MS = 5_000;

/** Made once: an abort without a reason makes an error with a stack each time, 10 µs of a call that costs 280. */
const OVER = new Error('The turn is over');

/**
 * Carries a caller's abort, or the end of its time, to the agent: aborting a stream does not stop an A2A task, so `CancelTask` is sent first, as soon
 * as the agent has told the task's id.
 */
export class Cancellation {
  private readonly log = new Log('Cancellation');
  private readonly stop = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private idKnown = (): void => undefined;
  timedOut = false;

  /** @param timeoutMs the longest this turn may take */
  constructor(
    private readonly a2a: A2aClient,
    private readonly agent: AgentConnection,
    private readonly task: Task,
    private readonly cause: AbortSignal,
    timeoutMs: number,
  ) {
    this.timer = setTimeout(() => {
      this.timedOut = true;
      this.cancel();
    }, timeoutMs).unref();
    if (cause.aborted) this.cancel();
    else cause.addEventListener('abort', this.cancel, { once: true });
  }

  /** Aborts when the agent knows, or does not listen. */
  get signal(): AbortSignal {
    return this.stop.signal;
  }

  /** To be called after each event: it may have told the id. */
  noticed(): void {
    if (this.task.upstreamId !== undefined) this.idKnown();
  }

  /** The turn is over; nothing is left to cancel. */
  dispose(): void {
    clearTimeout(this.timer);
    this.cause.removeEventListener('abort', this.cancel);
    this.stop.abort(OVER);
  }

  private readonly cancel = (): void => void this.carryOut();

  private async carryOut(): Promise<void> {
    if (this.task.upstreamId === undefined) await this.waitForId();
    if (this.stop.signal.aborted) return;
    if (this.task.upstreamId !== undefined) await this.tellAgent(this.task.upstreamId);
    this.stop.abort(this.cause.reason);
  }

  private waitForId(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_MS).unref();
      this.idKnown = () => {
        clearTimeout(timer);
        resolve();
      };
      this.stop.signal.addEventListener('abort', this.idKnown, { once: true });
    });
  }

  private async tellAgent(upstreamId: string): Promise<void> {
    try {
      await this.a2a.cancel(this.agent, upstreamId, AbortSignal.timeout(PATIENCE_MS));
    } catch (error) {
      this.log.warn('The agent could not be told that its task is canceled', {
        agent: this.task.agent,
        task: this.task.id,
        cause: error,
      });
    }
  }
}
