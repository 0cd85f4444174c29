import type { Part } from '@app/a2a';
import type { Principal, Request } from '@app/mcp-protocol';
import type { StepEvent, TaskEvent } from '@app/tasks';

/** Clients give up on silence after 30 to 60 seconds; we are never silent for longer than these two together. */
const SILENCE_MS = 7_500;
const CHECK_EVERY_MS = 2_000;
/** What a model's or a person's screen can follow. */
const MIN_INTERVAL_MS = 250;
/** Claude Code shows 200 characters. */
const MAX_MESSAGE_LENGTH = 200;

/** Tells a client that asked for progress what its agent, or its workflow, is doing. */
export class Progress {
  private count = 0;
  private chunks = 0;
  private readonly started = performance.now();
  private lastSent = -Infinity;
  private pending: string | undefined;
  private later: NodeJS.Timeout | undefined;
  private readonly heartbeat: NodeJS.Timeout | undefined;

  constructor(
    private readonly request: Request<Principal>,
    private readonly who: string,
    /** A step of a run in words; undefined: nothing worth saying. */
    private readonly wordsOf?: (step: StepEvent) => string | undefined,
  ) {
    if (!request.wantsProgress) return;
    this.heartbeat = setInterval(() => this.beat(), CHECK_EVERY_MS).unref();
  }

  note(event: TaskEvent): void {
    if (!this.request.wantsProgress || event.kind === 'result') return;
    const message = this.messageFor(event);
    if (message === undefined) return;
    const wait = this.lastSent + MIN_INTERVAL_MS - performance.now();
    if (this.pending === undefined && wait <= 0) return this.send(message);
    // What the agent says about itself is worth more than a count of chunks.
    if (this.pending === undefined || event.kind !== 'artifact') this.pending = message;
    this.later ??= setTimeout(() => this.sendPending(), Math.max(wait, 0)).unref();
  }

  dispose(): void {
    clearInterval(this.heartbeat);
    clearTimeout(this.later);
  }

  private messageFor(event: Exclude<TaskEvent, { kind: 'result' }>): string | undefined {
    if (event.kind === 'snapshot') return textOf(event.task.message) || `${this.who}: ${event.task.state}`;
    if (event.kind === 'step') return this.wordsOf?.(event);
    // Steps say more than that a run goes on.
    if (event.kind === 'status')
      return textOf(event.message) || (this.wordsOf === undefined ? `${this.who}: ${event.state}` : undefined);
    this.chunks++;
    const name = event.artifact.name ?? event.artifact.artifactId;
    return event.lastChunk ? `${name} is complete` : `${name}: ${this.chunks} parts so far`;
  }

  private beat(): void {
    if (performance.now() - Math.max(this.lastSent, this.started) < SILENCE_MS) return;
    const seconds = Math.round((performance.now() - this.started) / 1_000);
    this.send(`${this.who} is working (${seconds} s)`);
  }

  private sendPending(): void {
    this.later = undefined;
    if (this.pending !== undefined) this.send(this.pending);
    this.pending = undefined;
  }

  private send(message: string): void {
    this.lastSent = performance.now();
    this.request.progress(++this.count, undefined, message.slice(0, MAX_MESSAGE_LENGTH));
  }
}

const textOf = (parts: readonly Part[] = []): string =>
  parts
    .map(({ text }) => text ?? '')
    .join(' ')
    .trim();
