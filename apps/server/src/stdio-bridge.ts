import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError, isJsonObject, type JsonObject } from '@app/core';
import type { Response } from 'undici';
import { modernHeaders } from './stdio-headers.js';
import { type McpHttp, reasonOf } from './stdio-http.js';
import { type Frame, StdioSession } from './stdio-session.js';

/** How long running requests may go on once the client has closed stdin. */
const GRACE_MS = 3_000;
const PARSE_ERROR = -32700;
const SERVER_ERROR = -32000;
const HANDSHAKE: ReadonlySet<unknown> = new Set(['initialize', 'notifications/initialized']);

type RequestId = string | number;

/** One line from the client, on its way. */
interface Exchange {
  /** Its requests that have no answer yet. */
  readonly open: Set<RequestId>;
  readonly isModern: boolean;
  /** Waits for changes and never finishes by itself. */
  readonly isEndless: boolean;
  readonly abort: AbortController;
  done: Promise<void>;
}

/** Carries MCP messages between one client on frames and one server on HTTP; requests run side by side. */
export class StdioBridge {
  /** Settles when the very first exchange fails. */
  readonly unreachable: Promise<void>;
  /** Why it failed. */
  failure: string | undefined;
  private giveUp: () => void = () => undefined;
  private hasContact = false;
  private readonly exchanges = new Set<Exchange>();
  private readonly session: StdioSession;
  /** Settles when the legacy handshake is as far as the client has sent it: what follows must not overtake it. */
  private handshake: Promise<void> = Promise.resolve();

  constructor(
    private readonly http: McpHttp,
    private readonly write: (message: unknown) => Promise<void>,
  ) {
    this.unreachable = new Promise((resolve) => {
      this.giveUp = resolve;
    });
    this.session = new StdioSession(http, write);
  }

  /** Takes one line from the client; does not wait for the server. */
  async take(line: string): Promise<void> {
    if (line.trim() === '') return;
    const frame = parse(line);
    if (frame === undefined) return this.write(failure(null, PARSE_ERROR, 'This line is not a JSON-RPC message'));
    if (this.hangUp(frame)) return;
    const messages = Array.isArray(frame) ? frame : [frame];
    const headers = Array.isArray(frame) ? undefined : modernHeaders(frame);
    const exchange: Exchange = {
      open: new Set(messages.filter(isRequest).map(({ id }) => id)),
      isModern: headers !== undefined,
      isEndless: messages.some(({ method }) => method === 'subscriptions/listen'),
      abort: new AbortController(),
      done: Promise.resolve(),
    };
    this.exchanges.add(exchange);
    exchange.done = this.start(exchange, frame, headers).finally(() => this.exchanges.delete(exchange));
  }

  /** Lets what is running finish for a moment, then ends everything. */
  async close(): Promise<void> {
    const finite = [...this.exchanges].filter(({ isEndless }) => !isEndless);
    await Promise.race([Promise.all(finite.map(({ done }) => done)), sleep(GRACE_MS, undefined, { ref: false })]);
    for (const { abort } of this.exchanges) abort.abort();
    await this.session.close();
    await this.http.close();
  }

  /**
   * In the newest revision a request is cancelled by hanging up; older servers are told.
   * True when the message has then done its work.
   */
  private hangUp(frame: Frame): boolean {
    if (Array.isArray(frame) || frame.method !== 'notifications/cancelled') return false;
    const id = (isJsonObject(frame.params) ? frame.params.requestId : undefined) as RequestId;
    const exchange = [...this.exchanges].find(({ open }) => open.has(id));
    // Nobody waits for this answer any more.
    exchange?.open.delete(id);
    if (exchange?.isModern === true) exchange.abort.abort();
    return exchange?.isModern ?? !this.session.hasBegun;
  }

  private start(exchange: Exchange, frame: Frame, headers?: Record<string, string>) {
    const { signal } = exchange.abort;
    if (headers !== undefined) return this.run(exchange, () => this.http.post(frame, headers, signal));
    const running = this.handshake.then(() => this.run(exchange, () => this.session.post(frame, signal)));
    if (!Array.isArray(frame) && HANDSHAKE.has(frame.method)) this.handshake = running;
    return running;
  }

  /** Sends, and passes on what comes back; every request gets an answer, if only that there will be none. */
  private async run(exchange: Exchange, send: () => Promise<Response>): Promise<void> {
    try {
      const messages = await this.http.read(await send());
      this.hasContact = true;
      for await (const message of messages) await this.relay(message, exchange.open);
      if (exchange.open.size > 0) throw new DomainError('unavailable', 'The server ended the stream without an answer');
    } catch (error) {
      if (exchange.abort.signal.aborted) return;
      const reason =
        error instanceof DomainError ? error.message : `The connection to the server broke: ${reasonOf(error)}`;
      for (const id of exchange.open) await this.write(failure(id, SERVER_ERROR, reason));
      if (this.hasContact && exchange.open.size === 0) process.stderr.write(`${reason}\n`);
      if (this.hasContact) return;
      this.failure ??= reason;
      this.giveUp();
    }
  }

  private async relay(message: JsonObject, open: Set<RequestId>): Promise<void> {
    const [only, ...others] = open;
    // A refusal from before the server read the body names no request.
    const isNameless = message.error !== undefined && (message.id ?? null) === null && others.length === 0;
    if (isNameless && only === undefined) return void process.stderr.write(`${JSON.stringify(message.error)}\n`);
    const answer = isNameless ? { ...message, id: only } : message;
    if (!('method' in answer)) open.delete(answer.id as RequestId);
    this.session.notice(answer);
    await this.write(answer);
  }
}

function parse(line: string): Frame | undefined {
  try {
    const frame: unknown = JSON.parse(line);
    if (isJsonObject(frame)) return frame;
    return Array.isArray(frame) && frame.length > 0 && frame.every(isJsonObject) ? frame : undefined;
  } catch {
    return undefined;
  }
}

const isRequest = (message: JsonObject): message is JsonObject & { id: RequestId } =>
  'method' in message && (typeof message.id === 'string' || typeof message.id === 'number');

const failure = (id: RequestId | null, code: number, message: string): JsonObject => ({
  jsonrpc: '2.0',
  id,
  error: { code, message },
});
