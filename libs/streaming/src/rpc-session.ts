import { type Call, DomainError, type JsonObject, RateLimited, type Trace } from '@app/core';
import { isDatabaseAway } from '@app/database';
import { ERROR_TYPE, Log, type Span } from '@app/telemetry';
import { STATUS } from '@app/web';
import type { Connection } from './connection.js';
import { ENDINGS, isDenied } from './endings.js';
import {
  CODE,
  errorMessage,
  idOf,
  messagesIn,
  requestIn,
  resultMessage,
  RpcFailure,
  type RpcRequest,
} from './json-rpc.js';
import { LIMITS } from './limits.js';
import type { StreamServices } from './stream-services.js';

/** An answer, and what follows once it was sent. */
export interface Answer {
  readonly result: unknown;
  readonly afterwards?: () => void;
}
/** `trace`: what it does belongs to that. */
export type Method = (params: JsonObject, trace: Trace | undefined) => Answer | Promise<Answer>;

const log = new Log('WebSocket');

/** Speaks JSON-RPC 2.0 with one client: every request is answered once, side by side, in the order they get ready. */
export class RpcSession {
  private inFlight = 0;

  constructor(
    private readonly connection: Connection,
    private readonly services: Pick<StreamServices, 'limiter' | 'metrics' | 'traces'>,
    /** What this client may call, by name. */
    private readonly methods: ReadonlyMap<string, Method>,
  ) {}

  take(text: string): void {
    const work = this.answer(text)
      .catch((error: unknown) => {
        this.failureOf(error, 'answer');
        this.connection.end(ENDINGS.internal);
      })
      .finally(() => this.connection.work.delete(work));
    this.connection.work.add(work);
  }

  private async answer(text: string): Promise<void> {
    let messages: unknown;
    try {
      messages = messagesIn(text);
    } catch (error) {
      return this.connection.send(errorMessage(null, this.failureOf(error, 'unreadable')));
    }
    const isBatch = Array.isArray(messages);
    const bytes = Buffer.byteLength(text);
    const outcomes = await Promise.all(
      (isBatch ? (messages as unknown[]) : [messages]).map((one) => this.handle(one, bytes)),
    );
    const answers = outcomes.flatMap(({ message }) => (message === undefined ? [] : [message]));
    if (answers.length > 0) this.connection.send(isBatch ? answers : (answers[0] ?? {}));
    for (const { afterwards } of outcomes) afterwards?.();
  }

  private async handle(message: unknown, bytes: number): Promise<{ message?: object; afterwards?: () => void }> {
    const started = performance.now();
    this.inFlight++;
    let method = 'unreadable';
    let wantsAnswer = true;
    let span: Span | undefined;
    let failed: string | undefined;
    try {
      const request = requestIn(message);
      method = request.method;
      wantsAnswer = request.id !== undefined;
      span = this.beginSpan(request);
      await this.admit(bytes);
      const { result, afterwards } = await this.perform(request, span?.trace);
      return { message: wantsAnswer ? resultMessage(request.id, result) : undefined, afterwards };
    } catch (error) {
      const failure = this.failureOf(error, method);
      failed = String(failure.code);
      return { message: wantsAnswer ? errorMessage(idOf(message), failure) : undefined };
    } finally {
      this.inFlight--;
      span?.end(failed);
      this.services.metrics.responded('websocket', (performance.now() - started) / 1_000);
    }
  }

  /** @throws DomainError forbidden, too_large; RateLimited */
  private async admit(bytes: number): Promise<void> {
    if (this.inFlight > LIMITS.requestsInFlight)
      throw new DomainError('rate_limited', `At most ${LIMITS.requestsInFlight} requests at the same time`);
    const { identity, address } = this.connection;
    if (identity === undefined) await this.services.limiter.admitStranger(address);
    else await this.services.limiter.admit(identity.caller, bytes);
  }

  private beginSpan({ method }: RpcRequest): Span | undefined {
    const name = this.methods.has(method) ? method : 'unknown method';
    const attributes = { 'rpc.system.name': 'jsonrpc', 'rpc.method': name, 'network.protocol.name': 'websocket' };
    return this.services.traces.recorder?.begin({ name, kind: 'server', parent: this.connection.trace, attributes });
  }

  private perform({ method, params }: RpcRequest, trace = this.connection.trace): Answer | Promise<Answer> {
    const known = this.methods.get(method);
    if (known !== undefined) return known(params, trace);
    const names = [...this.methods.keys()].join(', ');
    throw new RpcFailure(CODE.methodNotFound, `Method not found: ${method}; this connection has ${names}`);
  }

  private failureOf(error: unknown, method: string): RpcFailure {
    if (error instanceof RpcFailure) {
      this.services.metrics.failed('invalid');
      return error;
    }
    const failure = expected(error) ?? new RpcFailure(CODE.internal, 'Internal error; the log has the connection');
    this.services.metrics.failed(error instanceof DomainError ? ERROR_TYPE[error.code] : 'internal');
    const isOurs = !(error instanceof DomainError) || STATUS[error.code] >= 500;
    if (isOurs) this.report(error, method, failure);
    return failure;
  }

  private report(error: unknown, method: string, { code }: RpcFailure): void {
    log.error('A WebSocket request failed', {
      route: `WebSocket ${method}`,
      connection: this.connection.id,
      cause: error,
      ...(code === CODE.internal && error instanceof Error && { stack: error.stack }),
    });
  }
}

/** Asked for each message: a connection may outlive its key. @throws DomainError unauthenticated */
export async function callOf(connection: Connection): Promise<Call> {
  const { identity, signal } = connection;
  if (identity === undefined)
    throw new DomainError('unauthenticated', 'Not authenticated: call authenticate with {"key": "<API key>"} first');
  try {
    return { caller: await identity.confirm(), signal };
  } catch (error) {
    if (isDenied(error)) connection.end({ ...ENDINGS.unauthenticated, reason: error.message });
    throw error;
  }
}

function expected(error: unknown): RpcFailure | undefined {
  if (isDatabaseAway(error))
    return new RpcFailure(CODE.failed, 'The database cannot be reached; try again soon', { code: 'unavailable' });
  if (!(error instanceof DomainError)) return undefined;
  const { code, message } = error;
  return new RpcFailure(code === 'invalid' ? CODE.invalidParams : CODE.failed, message, {
    code,
    ...(error instanceof RateLimited && error.state),
  });
}
