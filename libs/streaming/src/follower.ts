import { isInterrupted } from '@app/a2a';
import { type Caller, DomainError } from '@app/core';
import { Log, type Metrics } from '@app/telemetry';
import type { TasksService } from '@app/tasks';
import type { Connection } from './connection.js';
import { type Ending, endingOf, ENDINGS, unanswered } from './endings.js';
import { failureFrame, type Frame, frameOf, type StartFrame, startFrame } from './frames.js';
import { LIMITS } from './limits.js';

/** What is followed, for whom. */
export interface Following {
  readonly caller: Caller;
  readonly requestId: string;
  /** Number of the last event that the client has. */
  readonly from: number;
}

const log = new Log('WebSocket');

/** Sends what happens to one request over one connection, as fast as the client reads. */
export class Follower {
  private readonly stop = new AbortController();
  private readonly signal = this.stop.signal;
  private seq: number;
  private waitingSince: number | undefined;
  private hasWaitedTooLong = false;

  constructor(
    private readonly services: { readonly tasks: TasksService; readonly metrics: Metrics },
    private readonly connection: Connection,
    private readonly following: Following,
    private readonly write: (frame: Frame) => void,
  ) {
    this.seq = following.from;
  }

  /** What is sent first. @throws DomainError not_found, invalid */
  async start(): Promise<StartFrame> {
    const { caller, requestId, from } = this.following;
    const task = await this.services.tasks.get(caller, requestId);
    if (from > task.lastSeq)
      throw new DomainError('invalid', `from: ${requestId} has no event ${from} yet, the last one is ${task.lastSeq}`);
    if (isInterrupted(task.state)) this.waitingSince = performance.now();
    return startFrame(task, from);
  }

  /** @returns why it ended: what a connection that only follows this ends with */
  async run(): Promise<Ending> {
    this.connection.streams.add(this);
    if (this.connection.signal.aborted) this.cancel();
    this.services.metrics.webSocketStreams.inc();
    try {
      return await this.follow();
    } catch (error) {
      return this.fail(error);
    } finally {
      this.connection.streams.delete(this);
      this.services.metrics.webSocketStreams.dec();
    }
  }

  cancel(): void {
    this.stop.abort();
  }

  beat(now: number): void {
    if (this.waitingSince === undefined || now - this.waitingSince < LIMITS.waitingMs) return;
    this.hasWaitedTooLong = true;
    this.cancel();
  }

  /** Tells the client why its stream cannot begin or go on. @returns what the connection ends with */
  fail(error: unknown): Ending {
    if (this.connection.signal.aborted) return ENDINGS.restart;
    const { requestId } = this.following;
    const ending = endingOf(error) ?? ENDINGS.internal;
    if (ending.end === 'internal')
      log.error('A WebSocket stream failed', { connection: this.connection.id, requestId, cause: error });
    const code = error instanceof DomainError ? error.code : ending === ENDINGS.internal ? 'internal' : 'unavailable';
    this.write(failureFrame(requestId, this.seq, code, ending.reason));
    return ending;
  }

  /** Up to where the request is over. */
  private async follow(): Promise<Ending> {
    const { signal } = this;
    const { caller, requestId } = this.following;
    const events = this.services.tasks.follow(caller, requestId, { from: this.seq, signal, through: 'final' });
    for await (const event of events) {
      this.seq = event.seq;
      this.waitingSince = event.kind === 'status' && isInterrupted(event.state) ? performance.now() : undefined;
      this.write(frameOf(event));
      await this.connection.room;
      if (event.kind === 'result') return ENDINGS.done;
    }
    if (this.hasWaitedTooLong) return this.giveUp();
    if (signal.aborted) return ENDINGS.restart;
    throw new Error(`The events of ${requestId} ended before it`);
  }

  private giveUp(): Ending {
    const ending = unanswered(this.seq);
    this.write(failureFrame(this.following.requestId, this.seq, 'timeout', ending.reason));
    return ending;
  }
}
