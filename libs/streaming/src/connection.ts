import { randomUUID } from 'node:crypto';
import type { Caller, Trace } from '@app/core';
import { Metrics } from '@app/telemetry';
import type { RawData, WebSocket } from 'ws';
import { type Ending, ENDINGS, malformed } from './endings.js';
import { LIMITS } from './limits.js';

/** RFC 6455 §5.5: a control frame has 125 bytes, two of which are the code. */
const MAX_REASON_BYTES = 123;

/** Who is at the other end. */
export interface Identity {
  readonly caller: Caller;
  /** Asks again. @throws DomainError unauthenticated */
  readonly confirm: () => Caller | Promise<Caller>;
}

/** A request that is followed over a connection. */
interface Stream {
  cancel(): void;
  beat(now: number): void;
}

/** One socket: what goes out with its back-pressure, signs of life, and one end. */
export class Connection {
  readonly id = randomUUID().slice(0, 8);
  /** Undefined: nobody has said yet who they are. */
  identity: Identity | undefined;
  /** Where the client is. */
  address = '';
  /** The trace that its upgrade request named. */
  trace: Trace | undefined;
  /** While there are some it is not idle. */
  readonly streams = new Set<Stream>();
  /** The last event that was sent, when it follows one request. */
  lastSeq: number | undefined;
  /** Requests that are being answered. */
  readonly work = new Set<Promise<unknown>>();
  /** Why we ended it; undefined while it is open, and when the client did. */
  ending: Ending | undefined;
  /** How often it showed a wrong key. */
  wrongKeys = 0;
  /** Settles when the socket is closed. */
  readonly closed: Promise<void>;
  sent = 0;
  received = 0;
  private readonly opened = performance.now();
  private readonly gone = new AbortController();
  private lastActive = this.opened;
  private lastPing = this.opened;
  private isPingOpen = false;
  private full: { readonly since: number; readonly room: Promise<void>; readonly release: () => void } | undefined;
  private tooLate: NodeJS.Timeout | undefined;

  constructor(
    private readonly socket: WebSocket,
    private readonly metrics: Metrics,
  ) {
    socket.on('pong', () => {
      this.isPingOpen = false;
    });
    // ws closes the socket itself when a frame is wrong; the error says why.
    socket.on('error', (error) => this.settle(malformed(error)));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.dispose();
        resolve();
      });
    });
  }

  /** Aborts when the connection ends; streams are canceled then. */
  get signal(): AbortSignal {
    return this.gone.signal;
  }

  get seconds(): number {
    return Math.round(performance.now() - this.opened) / 1_000;
  }

  onMessage(take: (text: string) => void): void {
    this.socket.on('message', (data: RawData, isBinary: boolean) => {
      if (this.ending !== undefined) return;
      this.received++;
      this.lastActive = performance.now();
      this.metrics.webSocketMessages.inc({ direction: 'in' });
      if (isBinary) this.end(ENDINGS.binary);
      else take((data as Buffer).toString());
    });
  }

  onClose(closed: (code: number, reason: string) => void): void {
    this.socket.once('close', (code, reason) => closed(code, reason.toString()));
  }

  send(message: object): void {
    if (this.socket.readyState !== this.socket.OPEN || this.ending !== undefined) return;
    this.sent++;
    this.metrics.webSocketMessages.inc({ direction: 'out' });
    this.socket.send(JSON.stringify(message), this.flushed);
    if (this.socket.bufferedAmount > LIMITS.unsentBytes) this.holdBack();
  }

  /** Settles when there is room for more, or nothing can be sent any more. Undefined: there is room. */
  get room(): Promise<void> | undefined {
    return this.full?.room;
  }

  /** Nothing is read until `listen`. */
  deafen(): void {
    this.socket.pause();
  }

  listen(): void {
    if (this.full === undefined) this.socket.resume();
  }

  end(ending: Ending): void {
    if (!this.settle(ending)) return;
    this.socket.close(ending.code, shortened(ending.reason));
    this.socket.resume();
  }

  /** Called about once a second. */
  beat(now: number): void {
    if (this.ending !== undefined) return;
    for (const stream of this.streams) stream.beat(now);
    // Where nothing is read no pong is seen.
    if (this.full !== undefined) return now - this.full.since > LIMITS.slowMs ? this.end(ENDINGS.slow) : undefined;
    const [idleMs, ending] =
      this.identity === undefined ? [LIMITS.unauthenticatedIdleMs, ENDINGS.stranger] : [LIMITS.idleMs, ENDINGS.idle];
    if (this.streams.size === 0 && now - this.lastActive > idleMs) return this.end(ending);
    if (now - this.lastPing < LIMITS.pingMs) return;
    if (this.isPingOpen) return this.socket.terminate();
    this.lastPing = now;
    this.isPingOpen = true;
    this.socket.ping();
  }

  /** False when it had ended before. */
  private settle(ending: Ending): boolean {
    if (this.ending !== undefined) return false;
    this.ending = ending;
    this.abandon();
    this.tooLate = setTimeout(() => this.socket.terminate(), LIMITS.closeGraceMs).unref();
    return true;
  }

  /** A client that asks faster than it reads is not listened to, either. */
  private holdBack(): void {
    if (this.full !== undefined) return;
    const { promise: room, resolve: release } = withResolvers();
    this.full = { since: performance.now(), room, release };
    this.socket.pause();
  }

  private readonly flushed = (): void => {
    if (this.full === undefined || this.socket.bufferedAmount > LIMITS.unsentBytes) return;
    const { release } = this.full;
    this.full = undefined;
    this.isPingOpen = false;
    this.socket.resume();
    release();
  };

  private dispose(): void {
    clearTimeout(this.tooLate);
    this.abandon();
    this.full?.release();
  }

  private abandon(): void {
    this.gone.abort();
    for (const stream of this.streams) stream.cancel();
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Cut where a character begins. */
function shortened(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;
  return `${bytes
    .subarray(0, MAX_REASON_BYTES - 3)
    .toString()
    .replace(/\uFFFD+$/, '')}…`;
}
