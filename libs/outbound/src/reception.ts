import { ByteLengthQueuingStrategy, ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';
import { DomainError } from '@app/core';
import type { Dispatcher } from 'undici';
import { decoded, tooLarge } from './decoding.js';
import type { OutgoingRequest } from './outgoing-request.js';
import { asDomainError } from './failures.js';
import { maxBytesOf } from './limits.js';

/** So much of a body waits for its reader before the sender is held back. */
const BUFFER = new ByteLengthQueuingStrategy({ highWaterMark: 64 * 1_024 });
const STATUSES_WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

type Controller = Dispatcher.DispatchController;

/** Takes in the answer to one request. Whatever ends it early ends both the connection and the body. */
export class Reception implements Dispatcher.DispatchHandler {
  private controller: Controller | undefined;
  private body: ReadableStreamDefaultController<Uint8Array> | undefined;
  private maxBytes = 0;
  private received = 0;
  private isOver = false;
  private patience: NodeJS.Timeout | undefined;

  constructor(
    private readonly request: OutgoingRequest,
    private readonly resolve: (response: Response) => void,
    private readonly reject: (reason: unknown) => void,
  ) {
    request.signal?.addEventListener('abort', this.onAbort);
  }

  onRequestStart(controller: Controller): void {
    this.controller = controller;
    if (this.isOver) controller.abort(new Error('The caller gave up'));
  }

  onResponseStart(_: Controller, status: number, fields: NodeJS.Dict<string | string[]>): void {
    if (status < 200 || this.isOver) return;
    try {
      this.resolve(this.respond(status, headersOf(fields)));
    } catch (error) {
      this.fail(asDomainError(error, this.host));
    }
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.isOver || this.body === undefined) return;
    this.received += chunk.length;
    if (this.received > this.maxBytes) {
      this.fail(tooLarge(this.host, this.maxBytes));
      return;
    }
    this.body.enqueue(chunk);
    if ((this.body.desiredSize ?? 0) <= 0) this.waitForReader(controller);
  }

  onResponseEnd(): void {
    if (this.isOver) return;
    this.end();
    this.body?.close();
  }

  onResponseError(_: unknown, error: Error): void {
    this.fail(asDomainError(error, this.host));
  }

  private get host(): string {
    return this.request.url.host;
  }

  private respond(status: number, headers: Headers): Response {
    this.maxBytes = maxBytesOf(this.request.limits, headers);
    const hasBody = this.request.method !== 'HEAD' && !STATUSES_WITHOUT_BODY.has(status);
    const response = new Response(hasBody ? this.bodyFor(headers) : null, { status, headers });
    Object.defineProperty(response, 'url', { value: this.request.url.href });
    return response;
  }

  private bodyFor(headers: Headers): ReadableStream<Uint8Array> {
    if (Number(headers.get('content-length')) > this.maxBytes) throw tooLarge(this.host, this.maxBytes);
    const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.body = controller),
        pull: () => this.readOn(),
        cancel: () => this.fail(new Error('The reader gave up')),
      },
      BUFFER,
    );
    return encoding === 'identity' ? body : decoded(body, encoding, { host: this.host, maxBytes: this.maxBytes });
  }

  /** An answer that nobody reads any more must not hold its connection for ever. */
  private waitForReader(controller: Controller): void {
    controller.pause();
    const { idleMs } = this.request.limits;
    const giveUp = () =>
      this.fail(new DomainError('timeout', `The answer of ${this.host} was not read for ${idleMs} ms`));
    this.patience ??= setTimeout(giveUp, idleMs).unref();
  }

  private readOn(): void {
    clearTimeout(this.patience);
    this.patience = undefined;
    this.controller?.resume();
  }

  private readonly onAbort = (): void => this.fail(this.request.signal?.reason);

  private fail(error: unknown): void {
    if (this.isOver) return;
    this.end();
    this.reject(error);
    this.body?.error(error);
    this.controller?.abort(error instanceof Error ? error : new Error('The request was aborted'));
  }

  private end(): void {
    this.isOver = true;
    clearTimeout(this.patience);
    this.request.signal?.removeEventListener('abort', this.onAbort);
  }
}

function headersOf(fields: NodeJS.Dict<string | string[]>): Headers {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(fields))
    for (const value of typeof values === 'string' ? [values] : values) appendIfValid(headers, name, value);
  return headers;
}

/** What is no header value by the rules of `fetch` is nothing that we would read. */
function appendIfValid(headers: Headers, name: string, value: string): void {
  try {
    headers.append(name, value);
  } catch {
    // a character outside of Latin-1
  }
}
