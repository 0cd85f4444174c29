import { isJsonObject, type JsonObject } from '@app/core';
import type { ClientResponse, InputRequest, Principal } from './host.js';
import { notification, RpcCode, RpcError } from './rpc.js';

/** The request on whose stream a question is pushed. */
export interface Asker {
  readonly principal: Principal;
  readonly sessionId: string | undefined;
  readonly signal: AbortSignal;
  send(message: JsonObject): void;
}

interface Pending {
  readonly asker: Asker;
  readonly method: string;
  resolve(answer: JsonObject): void;
  reject(error: RpcError): void;
}

/** Requests from us to legacy clients. Their ids name this replica, so that the answer finds its way from any other. */
export class PushedQuestions {
  private readonly pending = new Map<string, Pending>();
  private count = 0;

  constructor(
    private readonly replica: string,
    private readonly timeoutMs: number,
  ) {}

  get size(): number {
    return this.pending.size;
  }

  async ask(asker: Asker, { method, params }: InputRequest): Promise<JsonObject> {
    asker.signal.throwIfAborted();
    const id = `${this.replica}:${++this.count}`;
    const timer = setTimeout(() => this.expire(id), this.timeoutMs).unref();
    try {
      return await new Promise<JsonObject>((resolve, reject) => {
        this.pending.set(id, { asker, method, resolve, reject });
        const onAbort = (): void => reject(new RpcError(RpcCode.refused, 'The request was cancelled'));
        asker.signal.addEventListener('abort', onAbort, { once: true });
        asker.send({ jsonrpc: '2.0', id, method, params });
      });
    } finally {
      clearTimeout(timer);
      this.pending.delete(id);
    }
  }

  /** Ignores what answers no open question of that principal and session. */
  accept({ id, principalId, sessionId, result, error }: ClientResponse): void {
    const question = this.pending.get(id);
    if (!question || question.asker.principal.id !== principalId || question.asker.sessionId !== sessionId) return;
    if (error) question.reject(new RpcError(error.code, `${question.method}: ${error.message}`, error.data));
    else if (isJsonObject(result)) question.resolve(result);
  }

  private expire(id: string): void {
    const question = this.pending.get(id);
    if (!question) return;
    const reason = `The client did not answer ${question.method} within ${this.timeoutMs} ms`;
    question.asker.send(notification('notifications/cancelled', { requestId: id, reason }));
    question.reject(new RpcError(RpcCode.refused, reason));
  }
}
