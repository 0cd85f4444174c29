import type { IncomingMessage } from 'node:http';
import { isDeeperThan } from '@app/core';
import type { Beating, Heartbeat } from './heartbeat.js';
import type { Limits } from './limits.js';
import { Refusal, RpcCode } from './rpc.js';

/** A body that is too large is read and thrown away up to this many times the limit, so that its sender sees the refusal. */
const DISCARDED = 4;
const CLOSE = { connection: 'close' };
const JSON_TYPE = /^application\/json\s*(;|$)/i;

type Done = (refusal: Refusal | undefined, body: unknown, bytes: number) => void;

/** Reads one request's JSON body and calls back exactly once, unless the client goes away before. */
export class BodyReader implements Beating {
  private first: Buffer | undefined;
  private chunks: Buffer[] | undefined;
  private size = 0;
  private ended = false;
  private readonly deadline: number;

  constructor(
    private readonly req: IncomingMessage,
    private readonly limits: Limits,
    private readonly heartbeat: Heartbeat,
    private readonly done: Done,
  ) {
    this.deadline = Date.now() + limits.bodyTimeoutMs;
    heartbeat.add(this);
    req.on('data', (chunk: Buffer) => this.take(chunk));
    req.on('end', () => this.finish());
  }

  beat(now: number): void {
    if (this.req.destroyed) this.heartbeat.remove(this);
    else if (now > this.deadline) {
      this.end(
        new Refusal(408, RpcCode.refused, `The body did not arrive within ${this.limits.bodyTimeoutMs} ms`, CLOSE),
      );
    }
  }

  private take(chunk: Buffer): void {
    this.size += chunk.length;
    if (this.size > this.limits.bodyBytes) {
      this.first = this.chunks = undefined;
      if (this.size > this.limits.bodyBytes * DISCARDED) this.end(this.tooLarge());
    } else if (!this.first) this.first = chunk;
    else (this.chunks ??= [this.first]).push(chunk);
  }

  private finish(): void {
    if (this.size > this.limits.bodyBytes) return this.end(this.tooLarge());
    const bytes = this.chunks ? Buffer.concat(this.chunks, this.size) : this.first;
    try {
      this.end(undefined, parseJson(bytes?.toString() ?? '', this.limits.jsonDepth));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.end(error);
    }
  }

  private tooLarge(): Refusal {
    return new Refusal(413, RpcCode.refused, `The body is larger than ${this.limits.bodyBytes} bytes`, CLOSE);
  }

  private end(refusal: Refusal | undefined, body?: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.heartbeat.remove(this);
    this.done(refusal, body, this.size);
  }
}

/** @throws Refusal unless the body is declared to be JSON. */
export function checkContentType(type: string | undefined): void {
  if (type === 'application/json' || (type !== undefined && JSON_TYPE.test(type))) return;
  throw new Refusal(415, RpcCode.refused, 'Unsupported Media Type: Content-Type must be application/json');
}

/** @throws Refusal that says what is wrong with the text. */
export function parseJson(text: string, maxDepth: number): unknown {
  if (text.trim() === '') throw new Refusal(400, RpcCode.parseError, 'Parse error: the body is empty');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(400, RpcCode.parseError, 'Parse error: the body is not valid JSON');
  }
  if (isDeeperThan(value, maxDepth)) {
    throw new Refusal(400, RpcCode.invalidRequest, `Invalid Request: nested deeper than ${maxDepth} levels`);
  }
  return value;
}
