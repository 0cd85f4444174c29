import { isJsonObject, type JsonObject } from '@app/core';
import { Log, type Traces } from '@app/telemetry';
import type { Era, Exchange } from './exchange.js';
import type { ClientCancel, Handler, Host, Principal, Tool } from './host.js';
import type { Limits } from './limits.js';
import { beginRequest } from './request-span.js';
import type { Questions } from './request-state.js';
import { CANCELLED_BY_CLIENT, invalidParams, RpcCode, RpcError } from './rpc.js';

type Ask<P extends Principal> = NonNullable<Era<P>['ask']>;
type Outcome = ReturnType<Handler<Principal>>;
const log = new Log('MCP');

/** Brings each request to the host and what comes back to the client. */
export class Dispatcher<P extends Principal> {
  private readonly inFlight = new Set<Exchange<P>>();
  private readonly methods: ReadonlyMap<string, (exchange: Exchange<P>) => Outcome>;
  private onIdle: (() => void) | undefined;

  constructor(
    private readonly host: Host<P>,
    private readonly limits: Limits,
    private readonly traces: Traces | undefined,
  ) {
    const hosted = Object.entries(host.methods ?? {}).map(
      ([name, handler]) => [name, (exchange: Exchange<P>) => this.inRounds(exchange, () => handler(exchange))] as const,
    );
    this.methods = new Map([
      ...hosted,
      ['tools/list', (exchange) => host.listTools(exchange)],
      ['tools/call', (exchange) => this.callTool(exchange)],
    ]);
  }

  get size(): number {
    return this.inFlight.size;
  }

  run(exchange: Exchange<P>): void {
    this.inFlight.add(exchange);
    const recorder = this.traces?.recorder;
    if (recorder !== undefined)
      exchange.span = beginRequest(recorder, exchange, this.handlerOf(exchange) !== undefined);
    try {
      const outcome = this.route(exchange);
      if (outcome instanceof Promise) {
        outcome.then((result) => this.succeed(exchange, result)).catch((error: unknown) => this.fail(exchange, error));
      } else this.succeed(exchange, outcome);
    } catch (error) {
      this.fail(exchange, error);
    }
  }

  cancel({ sessionId, principalId, requestId }: ClientCancel): void {
    for (const exchange of this.inFlight) {
      if (exchange.id !== requestId || exchange.sessionId !== sessionId || exchange.principal.id !== principalId)
        continue;
      exchange.abort(CANCELLED_BY_CLIENT);
    }
  }

  /** Waits for the requests in flight; those that outlive the grace are ended with an error. */
  async drain(): Promise<void> {
    if (this.inFlight.size === 0) return;
    const isIdle = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), this.limits.closeGraceMs);
      this.onIdle = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
    if (isIdle) return;
    log.warn('Ending requests that outlived the grace period', { requests: this.inFlight.size });
    const reason = 'The server is closing';
    for (const exchange of this.inFlight) exchange.abort(reason, new RpcError(RpcCode.refused, reason));
  }

  private route(exchange: Exchange<P>): Outcome {
    const handler = this.handlerOf(exchange);
    if (!handler) throw new RpcError(RpcCode.methodNotFound, 'Method not found');
    return handler(exchange);
  }

  private handlerOf({ era, method }: Exchange<P>) {
    return era.methods.get(method) ?? this.methods.get(method);
  }

  private callTool(exchange: Exchange<P>): Outcome {
    const { name, arguments: args } = exchange.params;
    if (typeof name !== 'string') throw invalidParams('name must be a string');
    if (args !== undefined && !isJsonObject(args)) throw invalidParams('arguments must be an object');
    const found = this.host.tool(name, exchange);
    if (found instanceof Promise) return found.then((tool) => this.invoke(exchange, name, tool, args ?? {}));
    return this.invoke(exchange, name, found, args ?? {});
  }

  private invoke(exchange: Exchange<P>, name: string, tool: Tool<P> | undefined, args: JsonObject): Outcome {
    if (!tool) throw new RpcError(RpcCode.invalidParams, `Unknown tool: ${name}`);
    exchange.era.checkHeaders(exchange, tool, args);
    const problem = tool.validate(args);
    if (problem !== undefined) {
      return { content: [{ type: 'text', text: `Invalid arguments: ${problem}` }], isError: true };
    }
    return this.inRounds(exchange, () => tool.call(args, exchange));
  }

  /** Calls a handler that may ask the client, as often as it asks. */
  private inRounds(exchange: Exchange<P>, call: () => Outcome): Outcome {
    const { requestState, inputResponses } = exchange.params;
    if (requestState !== undefined) exchange.resume(requestState, inputResponses);
    const outcome = call();
    const { ask } = exchange.era;
    if (!ask) return outcome;
    if (outcome instanceof Promise) return this.askNow(exchange, ask, call, outcome);
    return outcome.resultType === 'input_required' ? this.askNow(exchange, ask, call, outcome) : outcome;
  }

  private async askNow(exchange: Exchange<P>, ask: Ask<P>, call: () => Outcome, first: Outcome): Promise<JsonObject> {
    let result = await first;
    for (let round = 1; result.resultType === 'input_required'; round++) {
      if (round > this.limits.questionRounds) {
        throw new RpcError(RpcCode.refused, `Asked the client more than ${this.limits.questionRounds} times`);
      }
      exchange.resume(result.requestState, await ask(exchange, result.inputRequests as Questions));
      result = await call();
    }
    return result;
  }

  private succeed(exchange: Exchange<P>, result: JsonObject): void {
    exchange.succeed(result);
    this.settle(exchange, result.isError === true ? 'tool_error' : undefined);
  }

  private fail(exchange: Exchange<P>, error: unknown): void {
    const isAbort = exchange.isOver && error instanceof Error && error.name === 'AbortError';
    // A bug is logged even when nobody waits for the answer any more.
    const failure = error instanceof RpcError || isAbort ? error : opaque(exchange, error);
    if (!exchange.isOver && failure instanceof RpcError) exchange.fail(failure);
    this.settle(exchange, failure instanceof RpcError ? String(failure.code) : 'aborted');
  }

  private settle(exchange: Exchange<P>, failure: string | undefined): void {
    exchange.span?.end(failure);
    this.inFlight.delete(exchange);
    if (this.inFlight.size === 0) this.onIdle?.();
  }
}

function opaque<P extends Principal>({ method, params, id }: Exchange<P>, cause: unknown): RpcError {
  const tool = method === 'tools/call' ? { tool: params.name } : {};
  log.error('MCP request failed', { method, ...tool, requestId: id, cause });
  return new RpcError(RpcCode.internal, 'Internal error');
}
