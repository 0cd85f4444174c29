import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { JsonObject } from '@app/core';
import { Log } from '@app/telemetry';
import type { Beating, Heartbeat } from './heartbeat.js';
import type { Limits } from './limits.js';
import type { Session } from './sealed-session.js';

/** Where the answers to one HTTP request, one batch or one connection go. */
export interface Wire {
  /** Of the HTTP request; undefined on frames. */
  readonly headers?: IncomingHttpHeaders;
  /** The id of a connection of frames; undefined on HTTP. */
  readonly connection?: string;
  /** What `initialize` agreed on over this connection; over HTTP the session comes with each request. */
  session?: Session;
  /** The client is gone, or the answer was sent. */
  readonly isClosed: boolean;
  /** False when only one plain answer can be sent: then there is no progress and nothing can be asked. */
  readonly streams: boolean;
  /** Sends a message ahead of the answer. */
  send(message: JsonObject): void;
  /** Sends the answer, or none; over HTTP that ends the response. */
  end(status: number, message?: JsonObject | readonly JsonObject[], headers?: Readonly<Record<string, string>>): void;
  onClose(callback: () => void): void;
  offClose(callback: () => void): void;
}

const EVENT_STREAM = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};
const log = new Log('MCP');

/** A plain JSON response that becomes an event stream with the first message ahead of the answer. */
export class HttpWire implements Wire, Beating {
  private isOpen = false;

  constructor(
    readonly headers: IncomingHttpHeaders,
    private readonly res: ServerResponse,
    private readonly heartbeat: Heartbeat,
    private readonly limits: Limits,
  ) {}

  get isClosed(): boolean {
    return this.res.writableEnded || this.res.destroyed;
  }

  get streams(): boolean {
    return this.accepts('text/event-stream');
  }

  get takesJson(): boolean {
    return this.accepts('application/');
  }

  open(): void {
    this.isOpen = true;
    this.res.writeHead(200, EVENT_STREAM);
    this.res.flushHeaders();
    this.watchDrain();
    this.heartbeat.add(this);
    this.res.once('close', () => this.heartbeat.remove(this));
  }

  send(message: JsonObject): void {
    if (!this.streams || this.isClosed) return;
    if (!this.isOpen) this.open();
    if (this.res.writableLength > this.limits.unsentBytes) this.cut();
    else this.res.write(event(message));
  }

  end(status: number, message?: JsonObject | readonly JsonObject[], headers?: Readonly<Record<string, string>>): void {
    if (this.isClosed) return;
    if (this.isOpen) this.res.end(message && event(message));
    else if (message) {
      const text = JSON.stringify(message);
      const length = Buffer.byteLength(text);
      this.res
        .writeHead(status, { 'content-type': 'application/json', 'content-length': length, ...headers })
        .end(text);
    } else this.res.writeHead(status, status === 200 && this.streams ? EVENT_STREAM : { 'content-length': 0 }).end();
    if (!this.isOpen && this.res.writableLength > 0) this.watchDrain();
  }

  beat(): void {
    if (this.res.writableLength === 0 && !this.res.writableEnded) this.res.write(': keep-alive\n\n');
  }

  onClose(callback: () => void): void {
    // Every message of a batch listens.
    this.res.setMaxListeners(this.limits.batchMessages + 8).on('close', callback);
  }

  offClose(callback: () => void): void {
    this.res.off('close', callback);
  }

  private accepts(type: string): boolean {
    const { accept } = this.headers;
    return accept === undefined || accept.includes(type) || accept.includes('*/*');
  }

  /** The socket's own idle time-out knows of writes the client is still taking; keep-alive comments hold it off otherwise. */
  private watchDrain(): void {
    this.res.setTimeout(this.limits.drainTimeoutMs, () => {
      if (this.res.writableLength > 0) this.cut();
    });
  }

  /** Ends it without the answer: the client sees a broken stream and may connect again. */
  private cut(): void {
    log.warn('Closed a stream whose client does not read', { unsentBytes: this.res.writableLength });
    this.res.destroy();
  }
}

const event = (message: unknown): string => `event: message\ndata: ${JSON.stringify(message)}\n\n`;

/** A transport that carries one message a frame: a WebSocket, or a pair of queues. */
export interface Frames {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onMessage(callback: (text: string) => void): void;
  onClose(callback: () => void): void;
  /** What was sent and has not left yet. */
  bufferedBytes?(): number;
}

/** WebSocket close codes. */
export const CloseCode = { goingAway: 1001, tooBig: 1009, tryAgainLater: 1013 } as const;

/** One connection; all its requests share it. */
export class FrameWire implements Wire {
  readonly streams = true;
  session?: Session;
  isClosed = false;
  private readonly callbacks = new Set<() => void>();

  constructor(
    private readonly frames: Frames,
    readonly connection: string,
    private readonly limits: Limits,
  ) {
    frames.onClose(() => {
      this.isClosed = true;
      for (const callback of this.callbacks) callback();
      this.callbacks.clear();
    });
  }

  send(message: unknown): void {
    if (this.isClosed) return;
    const unsentBytes = this.frames.bufferedBytes?.() ?? 0;
    if (unsentBytes <= this.limits.unsentBytes) return this.frames.send(JSON.stringify(message));
    log.warn('Closed a connection whose client does not read', { unsentBytes });
    this.frames.close(CloseCode.tryAgainLater, 'Too much is waiting to be read');
  }

  end(_status: number, message?: JsonObject | readonly JsonObject[]): void {
    if (message) this.send(message);
  }

  onClose(callback: () => void): void {
    this.callbacks.add(callback);
  }

  offClose(callback: () => void): void {
    this.callbacks.delete(callback);
  }
}

/** A batch (revision 2025-03-26): its messages share this wire, which ends when each has had its answer. */
export class BatchWire implements Wire {
  private readonly replies: JsonObject[] = [];
  private status = Infinity;

  constructor(
    private readonly inner: Wire,
    private pending: number,
  ) {}

  get headers(): IncomingHttpHeaders | undefined {
    return this.inner.headers;
  }

  get connection(): string | undefined {
    return this.inner.connection;
  }

  get session(): Session | undefined {
    return this.inner.session;
  }

  get isClosed(): boolean {
    return this.inner.isClosed;
  }

  get streams(): boolean {
    return this.inner.streams;
  }

  send(message: JsonObject): void {
    this.inner.send(message);
  }

  end(status: number, message?: JsonObject): void {
    if (message) this.replies.push(message);
    this.status = Math.min(this.status, status);
    if (--this.pending > 0) return;
    if (this.replies.length === 0) this.inner.end(202);
    else this.inner.end(this.status === 202 ? 200 : this.status, this.replies);
  }

  onClose(callback: () => void): void {
    this.inner.onClose(callback);
  }

  offClose(callback: () => void): void {
    this.inner.offClose(callback);
  }
}
