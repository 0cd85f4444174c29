import { isJsonObject, type JsonObject } from '@app/core';
import { acceptWhen } from './accepted.js';
import { legacyCapabilities } from './capabilities.js';
import type { Dispatcher } from './dispatch.js';
import { type Era, Exchange } from './exchange.js';
import type { ClientResponse, Handler, Host, LogLevel, Principal } from './host.js';
import type { PushedQuestions } from './pushed-questions.js';
import type { Answers, Questions, RequestStates } from './request-state.js';
import {
  invalidParams,
  isRequestId,
  LEGACY_VERSIONS,
  LOG_LEVELS,
  type Message,
  MODERN_VERSIONS,
  Refusal,
  RpcCode,
  RpcError,
  resultMessage,
} from './rpc.js';
import type { SealedSessions, Session } from './sealed-session.js';
import type { Change, OpenStream, Streams } from './streams.js';
import type { HttpWire, Wire } from './wire.js';

const SESSION_HEADER = 'mcp-session-id';
const NO_CAPABILITIES: JsonObject = {};
/** Fields of results that this era's clients must not see, or not as any value. */
const ONLY_MODERN = ['resultType', 'ttlMs', 'cacheScope', 'structuredContent'] as const;

/** What this era uses of the server. */
interface Parts<P extends Principal> {
  readonly host: Host<P>;
  readonly dispatcher: Dispatcher<P>;
  readonly streams: Streams;
  readonly states: RequestStates;
  readonly sessions: SealedSessions;
  readonly questions: PushedQuestions;
}

type Method<P extends Principal> = (exchange: Exchange<P>) => ReturnType<Handler<P>>;

/** Revisions 2024-11-05 to 2025-11-25: they begin with `initialize` and may be asked over an open stream. */
export class LegacyEra<P extends Principal> implements Era<P> {
  readonly methods: ReadonlyMap<string, Method<P>>;
  readonly states: RequestStates;

  constructor(private readonly parts: Parts<P>) {
    this.states = parts.states;
    const methods = new Map<string, Method<P>>([
      ['ping', () => ({})],
      ['logging/setLevel', (exchange) => this.setLogLevel(exchange)],
    ]);
    if (parts.host.methods?.['resources/read']) {
      methods.set('resources/subscribe', (exchange) => this.subscribe(exchange));
      methods.set('resources/unsubscribe', (exchange) => this.unsubscribe(exchange));
    }
    this.methods = methods;
  }

  readonly ask = async (exchange: Exchange<P>, questions: Questions): Promise<Answers> => {
    if (!exchange.wire.streams) {
      throw new RpcError(RpcCode.refused, 'The client must accept text/event-stream to be asked');
    }
    const asked = Object.entries(questions).map(
      async ([key, question]) => [key, await this.parts.questions.ask(exchange, question)] as const,
    );
    return Object.fromEntries(await Promise.all(asked));
  };

  receive(message: Message, wire: Wire, principal: P): void {
    const { id, method, params = {} } = message;
    if (method === 'initialize' && id !== undefined) return this.initialize(message, wire, principal);
    const session = wire.headers ? this.sessionOf(wire, principal) : wire.session;
    checkVersion(wire.headers?.['mcp-protocol-version']);
    if (method === undefined) return this.takeAnswer(message, session, wire, principal);
    if (id === undefined) return this.notice(method, params, session, wire, principal);
    if (!isRequestId(id))
      throw new Refusal(400, RpcCode.invalidRequest, 'Invalid Request: id must be a string or a number');
    const client = { principal, capabilities: session?.capabilities ?? NO_CAPABILITIES, session };
    this.parts.dispatcher.run(new Exchange(this, wire, { id, method, params }, client));
  }

  /** GET: a stream for what is not an answer to a request. */
  listen(wire: HttpWire, principal: P): void {
    if (wire.isClosed) return;
    const session = this.sessionOf(wire, principal);
    if (!session) throw new Refusal(405, RpcCode.refused, 'A stream needs a session', { allow: 'POST' });
    if (!wire.streams)
      throw new Refusal(406, RpcCode.refused, 'Not Acceptable: the client must accept text/event-stream');
    const stream: OpenStream = {
      principal,
      sessionId: session.id,
      wants: (change) => this.wants(session, change),
      send: (message) => wire.send(message),
      end: () => wire.end(200),
    };
    this.parts.streams.add(stream);
    wire.onClose(() => this.parts.streams.remove(stream));
    wire.open();
  }

  /** DELETE: the client is done with its session. */
  endSession(wire: HttpWire, principal: P): void {
    const session = this.sessionOf(wire, principal);
    if (!session) throw new Refusal(400, RpcCode.refused, 'Mcp-Session-Id is missing');
    this.parts.sessions.revoke(session);
    this.parts.streams.endSession(session.id);
    wire.end(200, {});
  }

  wants(session: Session, { uri }: Change): boolean {
    return uri === undefined || this.parts.sessions.isSubscribed(session, uri);
  }

  /** Without what only modern clients know. Their `structuredContent` may be any value; here it is an object or nothing. */
  dressResult(result: JsonObject): JsonObject {
    if (ONLY_MODERN.every((key) => result[key] === undefined)) return result;
    const { structuredContent, ...rest } = result;
    for (const key of ONLY_MODERN) delete rest[key];
    return isJsonObject(structuredContent) ? { ...rest, structuredContent } : rest;
  }

  dressError(error: RpcError): { status: number; error: RpcError } {
    return { status: error instanceof Refusal ? error.status : 200, error };
  }

  logLevel({ session }: Exchange<P>): LogLevel {
    return (session && this.parts.sessions.logLevel(session)) ?? 'debug';
  }

  checkHeaders(): void {
    // This era repeats nothing in headers.
  }

  private initialize({ id, params = {} }: Message, wire: Wire, principal: P): void {
    const { protocolVersion, capabilities, clientInfo } = params;
    if (!isRequestId(id))
      throw new Refusal(400, RpcCode.invalidRequest, 'Invalid Request: id must be a string or a number');
    if (typeof protocolVersion !== 'string') throw invalidParams('protocolVersion must be a string');
    if (!isJsonObject(capabilities)) throw invalidParams('capabilities must be an object');
    if (!isJsonObject(clientInfo)) throw invalidParams('clientInfo must be an object');
    const { host, sessions } = this.parts;
    const version = LEGACY_VERSIONS.find((known) => known === protocolVersion) ?? LEGACY_VERSIONS[0];
    const session = sessions.start(principal, version, capabilities, wire.connection);
    const { serverInfo, instructions } = host;
    const result = { protocolVersion: version, capabilities: legacyCapabilities(host), serverInfo, instructions };
    if (wire.connection !== undefined) wire.session = session;
    wire.end(200, resultMessage(id, result), { [SESSION_HEADER]: sessions.seal(session) });
  }

  private sessionOf({ headers }: Wire, principal: P): Session | undefined {
    const token = headers?.[SESSION_HEADER];
    if (typeof token !== 'string') return undefined;
    const session = this.parts.sessions.open(token, principal);
    if (!session) throw new Refusal(404, RpcCode.sessionNotFound, 'Session not found');
    return session;
  }

  private takeAnswer({ id, result, error }: Message, session: Session | undefined, wire: Wire, principal: P): void {
    if (typeof id !== 'string') return wire.end(202);
    const passed = this.parts.host.onResponse({
      id,
      principalId: principal.id,
      sessionId: session?.id,
      ...(isJsonObject(result) && { result }),
      ...(isJsonObject(error) && { error: readError(error) }),
    });
    acceptWhen(passed, wire);
  }

  private notice(method: string, params: JsonObject, session: Session | undefined, wire: Wire, principal: P): void {
    const sessionId = session?.id ?? wire.connection;
    const { requestId } = params;
    if (method !== 'notifications/cancelled' || sessionId === undefined || !isRequestId(requestId))
      return wire.end(202);
    acceptWhen(this.parts.host.onCancel({ sessionId, principalId: principal.id, requestId }), wire);
  }

  private setLogLevel({ params, session }: Exchange<P>): JsonObject {
    const level = LOG_LEVELS.find((known) => known === params.level);
    if (!level) throw invalidParams(`level must be one of ${LOG_LEVELS.join(', ')}`);
    if (session) this.parts.sessions.setLogLevel(session, level);
    return {};
  }

  private subscribe({ params, session }: Exchange<P>): JsonObject {
    if (typeof params.uri !== 'string') throw invalidParams('uri must be a string');
    if (session && !this.parts.sessions.subscribe(session, params.uri)) {
      throw new RpcError(RpcCode.refused, 'This session has as many resource subscriptions as it may');
    }
    return {};
  }

  private unsubscribe({ params, session }: Exchange<P>): JsonObject {
    if (typeof params.uri !== 'string') throw invalidParams('uri must be a string');
    if (session) this.parts.sessions.unsubscribe(session, params.uri);
    return {};
  }
}

function checkVersion(version: string | string[] | undefined): void {
  if (version === undefined || LEGACY_VERSIONS.some((known) => known === version)) return;
  const supported = [...MODERN_VERSIONS, ...LEGACY_VERSIONS].join(', ');
  const message = `Bad Request: Unsupported protocol version: ${String(version)} (supported: ${supported})`;
  throw new Refusal(400, RpcCode.refused, message);
}

function readError({ code, message, data }: JsonObject): NonNullable<ClientResponse['error']> {
  return {
    code: typeof code === 'number' ? code : RpcCode.internal,
    message: typeof message === 'string' ? message : 'The client failed',
    data,
  };
}
