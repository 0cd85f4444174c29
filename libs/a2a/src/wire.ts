import { DomainError, isJsonObject, traceHeaders } from '@app/core';
import type { Outbound, OutboundInit } from '@app/outbound';
import type { Span, Traces } from '@app/telemetry';
import { beginCall, failureOf } from './call-span.js';
import { isSpoken } from './card.js';
import { AgentError, readAgentError, UNKNOWN } from './errors.js';
import type { AgentConnection, AgentInterface, Credentials } from './model.js';
import { buildRequest, type Operation } from './requests.js';
import { readSse } from './sse.js';

/** One event of a stream; larger files belong behind an address. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

/** Some agents say nothing, not even the headers, before they are done, whatever they were asked for. */
const PATIENCE = { headersMs: 15 * 60_000, idleMs: 5 * 60_000 };

const LIMITS: Record<Operation['name'], OutboundInit['limits']> = {
  send: PATIENCE,
  stream: PATIENCE,
  subscribe: PATIENCE,
  get: {},
  cancel: {},
};

/** What goes along with a request to an origin that may see it. */
export interface Secrets {
  readonly credentials?: Credentials;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A stream that ended in an accident: the task goes on without us. */
export class BrokenStream extends DomainError {
  constructor(host: string, cause: unknown) {
    const what = cause instanceof DomainError ? `: ${cause.message}` : '';
    super('unavailable', `The agent at ${host} broke off its answer${what}`, { cause });
  }
}

/** Requests and answers of one agent, whatever its version and binding; knows nothing of what they mean. */
export class Wire {
  readonly target: AgentInterface;
  readonly host: string;
  private readonly secrets: Secrets;
  private readonly withheld: boolean;

  constructor(
    private readonly outbound: Outbound,
    private readonly agent: AgentConnection,
    readonly signal: AbortSignal,
    private readonly traces: Traces,
  ) {
    this.target = chooseInterface(agent);
    this.host = new URL(this.target.url).host;
    const isTrusted = isPinned(agent, this.target);
    this.withheld = !isTrusted && holdsSecrets(agent);
    this.secrets = isTrusted ? agent : {};
  }

  /** The result of one request. */
  async call(operation: Operation): Promise<unknown> {
    const span = beginCall(this.traces, this.agent, this.target, operation);
    try {
      const result = this.unwrap(await this.readJson(await this.open(operation, span)));
      span?.end();
      return result;
    } catch (error) {
      span?.end(failureOf(error));
      throw error;
    }
  }

  /** The results of one request: several when the agent streams, one when it answers plainly. */
  async *stream(operation: Operation): AsyncGenerator<unknown> {
    const span = beginCall(this.traces, this.agent, this.target, operation);
    let failure: string | undefined;
    try {
      yield* this.results(await this.open(operation, span));
    } catch (error) {
      failure = failureOf(error);
      throw error;
    } finally {
      span?.end(failure);
    }
  }

  private async *results(response: Response): AsyncGenerator<unknown> {
    if (!response.body || !isEventStream(response)) {
      yield this.unwrap(await this.readJson(response));
      return;
    }
    const events = readSse(response.body, MAX_EVENT_LENGTH)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await events.next().catch((error: unknown) => this.breakOff(error));
        if (next.done) return;
        yield this.unwrap(this.parse(next.value));
      }
    } finally {
      await events.return(undefined);
    }
  }

  private async open(operation: Operation, span: Span | undefined): Promise<Response> {
    const { url, ...init } = buildRequest(this.target, operation);
    const limits = LIMITS[operation.name];
    const trace = span?.trace ?? this.agent.trace;
    const headers = { ...init.headers, ...traceHeaders(trace) };
    const sent = { ...init, headers, limits, signal: this.signal };
    const response = await fetchWith(this.outbound, url, sent, this.secrets);
    span?.set({ 'http.request.method': init.method, 'http.response.status_code': response.status });
    return response.ok ? response : this.refuse(response, operation);
  }

  /** What an answer that is no success means: an error in A2A's words, or an accident on the way. */
  private async refuse(response: Response, operation: Operation): Promise<never> {
    const { status } = response;
    const body = parseOrUndefined(await response.text().catch(() => ''));
    if (status === 401 || status === 403) throw refusedCredentials(this.host, status, this.secrets, this.withheld);
    const error = this.agentError(body);
    if (error && (error.reason !== UNKNOWN || (isJsonObject(body) && 'jsonrpc' in body))) throw error;
    // Some agents say no more than this of a task that they don't know.
    if (error && status === 404 && 'taskId' in operation) throw new AgentError('TASK_NOT_FOUND', error.message, status);
    throw this.garbage(`HTTP ${status}`);
  }

  private async readJson(response: Response): Promise<unknown> {
    const text = await response.text().catch((error: unknown) => this.breakOff(error));
    return this.parse(text);
  }

  private parse(text: string): unknown {
    const value = parseOrUndefined(text);
    if (value === undefined) throw this.garbage('something that is not JSON');
    return value;
  }

  /** Takes the result out of its JSON-RPC envelope, if it is in one. */
  private unwrap(body: unknown): unknown {
    const error = this.agentError(body);
    if (error) throw error;
    return isJsonObject(body) && body.result !== undefined ? body.result : body;
  }

  private agentError(body: unknown): AgentError | undefined {
    const error = readAgentError(body, this.host);
    if (error) error.message = redact(error.message, this.secrets);
    return error;
  }

  /** Aborts and our own limits stay what they are; anything else that ends a body early is an accident. */
  private breakOff(error: unknown): never {
    this.signal.throwIfAborted();
    if (error instanceof DomainError && error.code === 'too_large') throw error;
    throw new BrokenStream(this.host, error);
  }

  garbage(what: string): DomainError {
    return new DomainError('unavailable', `The agent at ${this.host} answered ${what}`);
  }
}

/** The agent's first choice that we speak; when there is something to hide, rather one that may see it. */
function chooseInterface(agent: AgentConnection): AgentInterface {
  const spoken = agent.card.interfaces.filter(isSpoken);
  const chosen = (holdsSecrets(agent) && spoken.find((one) => isPinned(agent, one))) || spoken[0];
  if (!chosen) throw new DomainError('invalid', `${agent.card.name} offers neither JSONRPC nor HTTP+JSON`);
  return chosen;
}

const isPinned = (agent: AgentConnection, target: AgentInterface): boolean =>
  agent.origins?.includes(new URL(target.url).origin) ?? false;

export function refusedCredentials(host: string, status: number, secrets: Secrets, withheld = false): AgentError {
  const refused = holdsSecrets(secrets) ? 'refused our credentials' : 'asks for credentials, and none are known for it';
  const what = withheld
    ? 'asks for credentials; ours are not for it, since its origin is not the one registered'
    : refused;
  return new AgentError('CREDENTIALS_REFUSED', `The agent at ${host} ${what} (HTTP ${status})`, status);
}

const holdsSecrets = ({ credentials, headers }: Secrets): boolean =>
  credentials !== undefined || Object.keys(headers ?? {}).length > 0;

/** One request with its secrets. */
export function fetchWith(outbound: Outbound, url: string, init: OutboundInit, secrets: Secrets): Promise<Response> {
  const address = new URL(url);
  const { credentials } = secrets;
  if (credentials?.type === 'apiKey' && credentials.in === 'query') {
    address.searchParams.set(credentials.name, credentials.value);
  }
  return outbound.fetch(address, { ...init, headers: headersOf(init, secrets, address.host) });
}

function headersOf(init: OutboundInit, { headers: extra, credentials }: Secrets, host: string): Headers {
  try {
    const headers = new Headers(extra);
    new Headers(init.headers).forEach((value, name) => headers.set(name, value));
    if (credentials?.type === 'bearer') headers.set('authorization', `Bearer ${credentials.token}`);
    if (credentials?.type === 'apiKey' && credentials.in === 'header') headers.set(credentials.name, credentials.value);
    return headers;
  } catch {
    // The original error quotes the value.
    throw new DomainError('invalid', `The credentials or headers for ${host} are not such as HTTP allows in a header`);
  }
}

/** Nothing shorter is a secret; to blot it out would make words unreadable. */
const SHORTEST_SECRET = 4;

/** The text without any secret in it, as it is or as it stands in an address. */
function redact(text: string, { credentials, headers }: Secrets): string {
  const secrets = Object.values(headers ?? {});
  if (credentials) secrets.push(credentials.type === 'bearer' ? credentials.token : credentials.value);
  return secrets
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .reduce((rest, secret) => (secret.length < SHORTEST_SECRET ? rest : rest.replaceAll(secret, '***')), text);
}

const isEventStream = (response: Response): boolean =>
  response.headers.get('content-type')?.toLowerCase().startsWith('text/event-stream') ?? false;

export function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
