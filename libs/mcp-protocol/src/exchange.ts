import { isJsonObject, type JsonObject, type Trace } from '@app/core';
import type { Span } from '@app/telemetry';
import type { Handler, InputRequest, InputRequired, LogLevel, Principal, Request, Tool } from './host.js';
import type { Answers, Questions, RequestStates } from './request-state.js';
import { errorMessage, LOG_LEVELS, notification, RpcCode, RpcError, type RequestId, resultMessage } from './rpc.js';
import type { Session } from './sealed-session.js';
import { traceOf } from './trace-of.js';
import type { Wire } from './wire.js';

/** What differs between the protocol's eras once a message was read. */
export interface Era<P extends Principal> {
  readonly states: RequestStates;
  /** Methods of this era, before those of the host. */
  readonly methods: ReadonlyMap<string, (exchange: Exchange<P>) => ReturnType<Handler<P>>>;
  dressResult(result: JsonObject, exchange: Exchange<P>): JsonObject;
  /** The error as this era's clients know it. */
  dressError(error: RpcError): { status: number; error: RpcError };
  /** The least severe level this client wants; undefined for none. */
  logLevel(exchange: Exchange<P>): LogLevel | undefined;
  /** @throws RpcError when the HTTP headers contradict the arguments. */
  checkHeaders(exchange: Exchange<P>, tool: Tool<P>, args: JsonObject): void;
  /** Asks the client now and waits; without it the questions are the answer and the client calls again. */
  readonly ask?: (exchange: Exchange<P>, questions: Questions) => Promise<Answers>;
}

/** Who sent a request, and what it said of itself. */
export interface Client<P extends Principal> {
  readonly principal: P;
  readonly capabilities: JsonObject;
  readonly session: Session | undefined;
}

/** A message that wants an answer. */
export interface RequestMessage {
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
}

/** One request being answered. */
export class Exchange<P extends Principal> implements Request<P> {
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
  readonly principal: P;
  readonly capabilities: JsonObject;
  readonly session: Session | undefined;
  answers: Answers | undefined = undefined;
  state: JsonObject | undefined = undefined;
  /** Answered, cancelled, or the client is gone: whatever the handler still says goes nowhere. */
  isOver = false;
  /** Undefined: traces are off. */
  span: Span | undefined = undefined;
  private lastProgress = -Infinity;
  private controller: AbortController | undefined = undefined;
  private onGone: (() => void) | undefined = undefined;

  constructor(
    readonly era: Era<P>,
    readonly wire: Wire,
    message: RequestMessage,
    client: Client<P>,
  ) {
    this.id = message.id;
    this.method = message.method;
    this.params = message.params;
    this.principal = client.principal;
    this.capabilities = client.capabilities;
    this.session = client.session;
  }

  get meta(): JsonObject | undefined {
    return isJsonObject(this.params._meta) ? this.params._meta : undefined;
  }

  get trace(): Trace | undefined {
    return this.span?.trace ?? traceOf(this.meta, this.wire.headers);
  }

  get sessionId(): string | undefined {
    return this.session?.id ?? this.wire.connection;
  }

  /** Made only when asked for: it is the dearest part of a small request. */
  get signal(): AbortSignal {
    if (this.controller) return this.controller.signal;
    this.controller = new AbortController();
    if (this.isOver || this.wire.isClosed) this.controller.abort();
    else {
      this.onGone = () => this.abort('The client is gone');
      this.wire.onClose(this.onGone);
    }
    return this.controller.signal;
  }

  get wantsProgress(): boolean {
    return this.progressToken !== undefined && this.wire.streams;
  }

  hasExtension(name: string): boolean {
    return isJsonObject(this.capabilities.extensions) && this.capabilities.extensions[name] !== undefined;
  }

  requireExtension(name: string): void {
    if (!this.hasExtension(name)) throw missingCapability({ extensions: { [name]: {} } });
  }

  progress(progress: number, total?: number, message?: string): void {
    if (!this.wantsProgress || !(progress > this.lastProgress)) return;
    this.lastProgress = progress;
    this.send(notification('notifications/progress', { progressToken: this.progressToken, progress, total, message }));
  }

  log(level: LogLevel, data: unknown): void {
    const least = this.era.logLevel(this);
    if (least === undefined || LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
    this.send(notification('notifications/message', { level, data }));
  }

  inputRequired(questions: Questions, state?: JsonObject): InputRequired {
    const missing = Object.assign(
      {},
      ...Object.values(questions).map((question) => this.missingFor(question)),
    ) as JsonObject;
    if (Object.keys(missing).length > 0) throw missingCapability(missing);
    const requestState = this.era.states.seal(this, questions, state);
    return { resultType: 'input_required', inputRequests: questions, requestState };
  }

  /** Begins the next round with what the client carried back. */
  resume(requestState: unknown, given: unknown): void {
    const { answers, state } = this.era.states.open(this, requestState, given);
    this.answers = answers;
    this.state = state;
  }

  send(message: JsonObject): void {
    if (!this.isOver) this.wire.send(message);
  }

  succeed(result: JsonObject): void {
    if (!this.isOver) this.finish(200, resultMessage(this.id, this.era.dressResult(result, this)));
  }

  fail(failure: RpcError): void {
    const { status, error } = this.era.dressError(failure);
    this.finish(status, errorMessage(this.id, error));
  }

  /** Ends it before the handler does: without an answer when the client cancelled or is gone. */
  abort(reason: string, answer?: RpcError): void {
    if (this.isOver) return;
    if (answer) this.fail(answer);
    else this.finish(200);
    this.controller?.abort(new Error(reason));
  }

  private finish(status: number, message?: JsonObject): void {
    if (this.isOver) return;
    this.wire.end(status, message);
    this.isOver = true;
    if (this.onGone) this.wire.offClose(this.onGone);
  }

  private get progressToken(): RequestId | undefined {
    const token = this.meta?.progressToken;
    return typeof token === 'string' || typeof token === 'number' ? token : undefined;
  }

  private missingFor({ method, params }: InputRequest): JsonObject {
    const { elicitation, sampling, roots } = this.capabilities;
    if (method === 'sampling/createMessage') return sampling ? {} : { sampling: {} };
    if (method === 'roots/list') return roots ? {} : { roots: {} };
    if (!isJsonObject(elicitation)) return { elicitation: {} };
    const mode = params?.mode === 'url' ? 'url' : 'form';
    // An empty declaration means forms: that was all there was when it was defined.
    const isDeclared = elicitation[mode] !== undefined || (mode === 'form' && elicitation.url === undefined);
    return isDeclared ? {} : { elicitation: { [mode]: {} } };
  }
}

function missingCapability(requiredCapabilities: JsonObject): RpcError {
  return new RpcError(RpcCode.missingCapability, 'Missing required client capability', { requiredCapabilities });
}
