import type { ServerResponse } from 'node:http';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { DomainError } from '@app/core';

/** What stands between takes a connection for dead on which nothing comes for longer. */
const KEEP_ALIVE_MS = 15_000;
/** A client that takes nothing for so long is cut off; it can go on where it was. */
const STALLED_MS = 30_000;
/** Written at a time, so that a large event does not lie whole in the buffer of a client that does not read. */
const SLICE_BYTES = 65_536;
const STREAMS_PER_PRINCIPAL = 1_000;
/** How soon a browser connects again. */
const RETRY_MS = 1_000;

const HEADERS = new Map([
  ['content-type', 'text/event-stream; charset=utf-8'],
  ['cache-control', 'no-cache, no-transform'],
  ['x-accel-buffering', 'no'],
]);

export interface StreamedEvent {
  readonly id: number;
  readonly event: string;
  readonly data: unknown;
}

/** `gone`: the client hung up; `stalled`: it did not read; `stopping`: this process ends. */
export type StreamEnd = 'complete' | 'gone' | 'stalled' | 'stopping';

/** Answers with server-sent events. What a client has not read is not asked for: a slow one costs no memory. */
@Injectable()
export class EventStreams implements OnModuleDestroy {
  private readonly open = new Map<ServerResponse, AbortController>();
  private readonly perPrincipal = new Map<string, number>();
  private stopping = false;

  /** To be asked while there still can be another answer. @throws DomainError rate_limited */
  admit(principal: string): void {
    if (this.countOf(principal) < STREAMS_PER_PRINCIPAL) return;
    throw new DomainError('rate_limited', `Too many open event streams: at most ${STREAMS_PER_PRINCIPAL} at a time`);
  }

  /**
   * Writes the whole answer. The signal aborts when the client is gone or this process ends.
   * @throws what `events` throws, after the answer has ended
   */
  async send(
    response: ServerResponse,
    principal: string,
    events: (signal: AbortSignal) => AsyncIterable<StreamedEvent>,
  ): Promise<StreamEnd> {
    const reading = new AbortController();
    this.perPrincipal.set(principal, this.countOf(principal) + 1);
    response.once('close', () => reading.abort());
    if (this.stopping || response.req.method === 'HEAD') reading.abort();
    this.open.set(response, reading);
    const keepAlive = setInterval(() => sign(response), KEEP_ALIVE_MS);
    try {
      response.setHeaders(HEADERS).write(`retry: ${RETRY_MS}\n\n`);
      for await (const event of events(reading.signal)) {
        const isRead = await write(response, event);
        if (!isRead) return response.destroyed ? 'gone' : 'stalled';
      }
      if (response.destroyed) return 'gone';
      return this.stopping ? 'stopping' : 'complete';
    } finally {
      clearInterval(keepAlive);
      this.open.delete(response);
      this.forget(principal);
      // A client that does not read would keep the connection open for what it has not read.
      if (response.writableNeedDrain) response.destroy();
      else response.end();
    }
  }

  /** Before the server waits for open answers to end. */
  onModuleDestroy(): void {
    this.stopping = true;
    for (const [response, reading] of this.open) {
      reading.abort();
      if (response.writableNeedDrain) response.destroy();
    }
  }

  private countOf(principal: string): number {
    return this.perPrincipal.get(principal) ?? 0;
  }

  private forget(principal: string): void {
    const left = this.countOf(principal) - 1;
    if (left > 0) this.perPrincipal.set(principal, left);
    else this.perPrincipal.delete(principal);
  }
}

/** A comment, unless there is enough to read already. */
function sign(response: ServerResponse): void {
  if (!response.writableNeedDrain) response.write(': waiting\n\n');
}

/** False when the client is gone or takes nothing any more. */
async function write(response: ServerResponse, { id, event, data }: StreamedEvent): Promise<boolean> {
  const frame = Buffer.from(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  for (let start = 0; start < frame.length; start += SLICE_BYTES) {
    if (response.destroyed) return false;
    const isTaken = response.write(frame.subarray(start, start + SLICE_BYTES)) || (await drained(response));
    if (!isTaken) return false;
  }
  return true;
}

function drained(response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isDrained: boolean) => () => {
      clearTimeout(timer);
      response.off('drain', onDrain).off('close', onClose);
      resolve(isDrained);
    };
    const onDrain = settle(true);
    const onClose = settle(false);
    const timer = setTimeout(settle(false), STALLED_MS);
    response.on('drain', onDrain).on('close', onClose);
  });
}
