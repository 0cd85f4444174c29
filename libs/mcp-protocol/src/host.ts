import type { JsonObject, Trace } from '@app/core';

/** Who sent a message, as far as the protocol needs to know: sessions, answers and streams are bound to it. */
export interface Principal {
  readonly id: string;
  /** Which credential was shown. */
  readonly keyId: string;
}

/** An MCP input request: `elicitation/create`, `sampling/createMessage` or `roots/list`, with its params. */
export interface InputRequest {
  readonly method: 'elicitation/create' | 'sampling/createMessage' | 'roots/list';
  readonly params?: JsonObject;
}

/** One MCP request being answered. Behind it nothing knows protocol eras. */
export interface Request<P extends Principal = Principal> {
  readonly method: string;
  readonly params: JsonObject;
  readonly principal: P;
  /** What the client declared: `elicitation`, `sampling`, `roots`, `extensions`. */
  readonly capabilities: JsonObject;
  /** Aborts when the client cancels or hangs up. */
  readonly signal: AbortSignal;
  /** True when the client asked for progress. */
  readonly wantsProgress: boolean;
  /** Answers to what `inputRequired` asked, by key; undefined on the first round. */
  readonly answers: Readonly<Record<string, JsonObject>> | undefined;
  /** The trace it belongs to: that of its own span, else the one that the client named. */
  readonly trace: Trace | undefined;
  /** What was passed to `inputRequired` as state; undefined on the first round. */
  readonly state: JsonObject | undefined;
  hasExtension(name: string): boolean;
  /** @throws RpcError -32021 when the client did not declare it. */
  requireExtension(name: string): void;
  /** Does nothing when the client did not ask for progress. Values must grow (the core drops those that do not). */
  progress(progress: number, total?: number, message?: string): void;
  log(level: LogLevel, data: unknown): void;
  /**
   * Ends this round by asking the client: return its result from the handler, which is then called again with `answers`
   * and `state`. Modern clients get an `input_required` result with the state sealed over principal, tool, arguments and
   * questions; legacy clients get pushed requests.
   */
  inputRequired(questions: Readonly<Record<string, InputRequest>>, state?: JsonObject): InputRequired;
}

export type LogLevel = 'debug' | 'info' | 'notice' | 'warning' | 'error' | 'critical' | 'alert' | 'emergency';

export type InputRequired = {
  readonly resultType: 'input_required';
  readonly inputRequests: Readonly<Record<string, InputRequest>>;
  readonly requestState?: string;
};

type Awaitable<T> = T | Promise<T>;
export type Handler<P extends Principal> = (request: Request<P>) => Awaitable<JsonObject>;

export interface Tool<P extends Principal = Principal> {
  /** What `tools/list` shows (MCP `Tool`). */
  readonly definition: JsonObject & { readonly name: string };
  /** Says what is wrong with the arguments, naming the field; undefined when nothing is. */
  validate(args: JsonObject): string | undefined;
  /** Returns an MCP `CallToolResult`, `request.inputRequired(…)`, or a `{ resultType: 'task', … }`. */
  call(args: JsonObject, request: Request<P>): Awaitable<JsonObject>;
}

/** The answer of a client to a request that some replica sent it. */
export interface ClientResponse {
  /** The id of the request: `<replica>:<n>`. */
  readonly id: string;
  readonly principalId: string;
  readonly sessionId: string | undefined;
  readonly result?: JsonObject;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** `notifications/cancelled` from a client, for a request that some replica is answering. */
export interface ClientCancel {
  readonly sessionId: string;
  readonly principalId: string;
  readonly requestId: string | number;
}

/** What the protocol core serves. Optional members decide which capabilities are declared. */
export interface Host<P extends Principal = Principal> {
  readonly serverInfo: JsonObject & { readonly name: string; readonly version: string };
  readonly instructions?: string;
  /**
   * Asked before messages of a principal are looked at: the body of an HTTP request, or one frame.
   * @throws Refusal, with which they are answered
   */
  admit?(principal: P, messages: { readonly count: number; readonly bytes: number }): Awaitable<void>;
  /** `{ tools: [...] }`, sorted by name; `ttlMs` and `cacheScope` are added by the core for modern clients. */
  listTools(request: Request<P>): Awaitable<JsonObject>;
  /** The tool of that name, if this principal may use it. */
  tool(name: string, request: Request<P>): Awaitable<Tool<P> | undefined>;
  /** Other methods by name: `resources/list`, `resources/read`, `prompts/get`, `completion/complete`, … */
  readonly methods?: Readonly<Record<string, Handler<P>>>;
  /** The Tasks extension (`io.modelcontextprotocol/tasks`): `tasks/get`, `tasks/update`, `tasks/cancel`. */
  readonly tasks?: { readonly get: Handler<P>; readonly update: Handler<P>; readonly cancel: Handler<P> };
  /**
   * A client answered; bring it to the replica that asked, which passes it to `McpServer.acceptResponse`. The client is told
   * that it was taken when what comes back has resolved.
   */
  onResponse(response: ClientResponse): void | Promise<void>;
  /** A client cancelled; likewise, to `McpServer.acceptCancel`. */
  onCancel(cancel: ClientCancel): void | Promise<void>;
}
