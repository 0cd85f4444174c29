import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isJsonObject } from '@app/core';
import { Log, type Traces } from '@app/telemetry';
import { BodyReader, checkContentType, parseJson } from './body.js';
import { Dispatcher } from './dispatch.js';
import { Heartbeat } from './heartbeat.js';
import type { ClientCancel, ClientResponse, Host, Principal } from './host.js';
import { LegacyEra } from './legacy-era.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { isModern, ModernEra } from './modern-era.js';
import { OriginGuard } from './origin-guard.js';
import { PushedQuestions } from './pushed-questions.js';
import { RequestStates } from './request-state.js';
import { errorMessage, invalidParams, type Message, Refusal, RpcCode, RpcError } from './rpc.js';
import { SealedSessions, type Sealer } from './sealed-session.js';
import { type ChangeKind, type OpenStream, Streams } from './streams.js';
import { BatchWire, CloseCode, type Frames, FrameWire, HttpWire, type Wire } from './wire.js';

interface McpServerOptions<P extends Principal> {
  readonly host: Host<P>;
  /** Seals session ids and request states; all replicas must open each other's. */
  readonly seal: Sealer;
  /** Names this server is reached by, besides localhost and addresses; `*` for any. */
  readonly allowedHosts: readonly string[];
  readonly limits?: Partial<Limits>;
  /** Without it there are none. */
  readonly traces?: Traces;
  /** Unique among replicas: answers find their way back by it. */
  readonly replica?: string;
}

/** What came in one piece: one message, or a batch. */
interface Received {
  readonly body: unknown;
  readonly bytes: number;
}

const log = new Log('MCP');
/** Refusals that tell of a limit or of a client that is not meant to be here; others are the client's own business. */
const WORTH_A_WARNING: ReadonlySet<number> = new Set([403, 408, 413]);

/** The MCP wire, both eras: HTTP requests and message frames in, calls of one `Host` out. One per replica, for its whole life. */
export class McpServer<P extends Principal> {
  private readonly host: Host<P>;
  private readonly limits: Limits;
  private readonly guard: OriginGuard;
  private readonly heartbeat: Heartbeat;
  private readonly streams: Streams;
  private readonly sessions: SealedSessions;
  private readonly questions: PushedQuestions;
  private readonly dispatcher: Dispatcher<P>;
  private readonly modern: ModernEra<P>;
  private readonly legacy: LegacyEra<P>;
  private readonly connections = new Set<Frames>();
  private isClosing = false;

  constructor(options: McpServerOptions<P>) {
    const { host, seal, allowedHosts, limits, replica = randomBytes(6).toString('hex'), traces } = options;
    this.host = host;
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    this.guard = new OriginGuard(allowedHosts);
    this.heartbeat = new Heartbeat(this.limits.keepAliveMs);
    this.streams = new Streams(this.limits);
    this.sessions = new SealedSessions(seal, this.limits);
    this.questions = new PushedQuestions(replica, this.limits.questionTimeoutMs);
    this.dispatcher = new Dispatcher(host, this.limits, traces);
    const { dispatcher, streams, sessions, questions } = this;
    const states = new RequestStates(seal, this.limits.requestStateTtlMs);
    this.modern = new ModernEra(host, dispatcher, streams, states);
    this.legacy = new LegacyEra({ host, dispatcher, streams, states, sessions, questions });
  }

  /** One HTTP request at the MCP endpoint. The caller has authenticated it and has not read its body. */
  handle(req: IncomingMessage, res: ServerResponse, principal: P): void {
    const wire = new HttpWire(req.headers, res, this.heartbeat, this.limits);
    if (this.isClosing) res.setHeader('connection', 'close');
    try {
      this.guard.check(req.headers);
      if (req.method === 'POST') this.post(req, wire, principal);
      else if (req.method === 'GET') this.listen(wire, principal);
      else if (req.method === 'DELETE') this.legacy.endSession(wire, principal);
      else throw new Refusal(405, RpcCode.refused, 'Method Not Allowed', { allow: 'POST, GET, DELETE' });
    } catch (error) {
      refuse(wire, error);
    }
  }

  /** One connection of message frames (a WebSocket, a pair of queues): one JSON-RPC message a frame, both eras. */
  connect(frames: Frames, principal: P): void {
    const wire = new FrameWire(frames, randomBytes(12).toString('base64url'), this.limits);
    const stream: OpenStream = {
      principal,
      wants: (change) => wire.session !== undefined && this.legacy.wants(wire.session, change),
      send: (message) => wire.send(message),
      end: () => undefined, // A connection outlives its requests: close() ends it last.
    };
    try {
      this.refuseWhenClosing();
      this.streams.add(stream);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return frames.close(CloseCode.tryAgainLater, error.message);
    }
    this.connections.add(frames);
    frames.onMessage((text) => this.frame(text, frames, wire, principal));
    frames.onClose(() => {
      this.connections.delete(frames);
      this.streams.remove(stream);
      if (wire.session) this.sessions.forget(wire.session);
    });
  }

  /** Tells every open stream of this replica that a list changed, or with `uri` that one resource did. */
  changed(kind: ChangeKind, uri?: string): void {
    this.streams.announce({ kind, uri });
  }

  /**
   * Ends the open streams of those who may not come in any more.
   * @param confirm whether one who was let in before still may
   */
  async confirmStreams(confirm: (principal: P) => Promise<boolean>): Promise<void> {
    const gone = new Set<P>();
    for (const principal of this.streams.principals() as Set<P>) if (!(await confirm(principal))) gone.add(principal);
    if (gone.size > 0) this.streams.endOf(gone);
  }

  /** From `Host.onResponse`, of this replica or another. */
  acceptResponse(response: ClientResponse): void {
    this.questions.accept(response);
  }

  /** From `Host.onCancel`, of this replica or another. */
  acceptCancel(cancel: ClientCancel): void {
    this.dispatcher.cancel(cancel);
  }

  /** Ends the open streams as their era asks, then waits for the requests in flight as long as the grace lasts. */
  async close(): Promise<void> {
    this.isClosing = true;
    this.streams.endAll();
    await this.dispatcher.drain();
    for (const frames of this.connections) frames.close(CloseCode.goingAway, 'The server is closing');
    this.heartbeat.stop();
  }

  stats(): { openStreams: number; inFlight: number; pendingQuestions: number; revokedSessions: number } {
    return {
      openStreams: this.streams.size,
      inFlight: this.dispatcher.size,
      pendingQuestions: this.questions.size,
      revokedSessions: this.sessions.revokedCount,
    };
  }

  /**
   * For what would stay open. A single request over HTTP is answered as long as the process lives: a load balancer goes on
   * sending until its next look.
   */
  private refuseWhenClosing(): void {
    if (this.isClosing) throw new Refusal(503, RpcCode.refused, 'The server is closing', { connection: 'close' });
  }

  private listen(wire: HttpWire, principal: P): void {
    this.refuseWhenClosing();
    this.legacy.listen(wire, principal);
  }

  private post(req: IncomingMessage, wire: HttpWire, principal: P): void {
    checkContentType(req.headers['content-type']);
    if (!wire.takesJson)
      throw new Refusal(406, RpcCode.refused, 'Not Acceptable: the client must accept application/json');
    new BodyReader(req, this.limits, this.heartbeat, (refusal, body, bytes) => {
      if (refusal) refuse(wire, refusal);
      else this.receive({ body, bytes }, wire, principal);
    });
  }

  private frame(text: string, frames: Frames, wire: FrameWire, principal: P): void {
    const bytes = Buffer.byteLength(text);
    if (bytes > this.limits.bodyBytes) {
      return frames.close(CloseCode.tooBig, `A frame may have ${this.limits.bodyBytes} bytes`);
    }
    try {
      this.receive({ body: parseJson(text, this.limits.jsonDepth), bytes }, wire, principal);
    } catch (error) {
      refuse(wire, error);
    }
  }

  private receive({ body, bytes }: Received, wire: Wire, principal: P): void {
    try {
      const admitted = this.host.admit?.(principal, { count: Array.isArray(body) ? body.length : 1, bytes });
      if (!(admitted instanceof Promise)) return this.take(body, wire, principal);
      admitted.then(
        () => this.take(body, wire, principal),
        (error: unknown) => refuse(wire, error, isJsonObject(body) ? body.id : undefined),
      );
    } catch (error) {
      refuse(wire, error, isJsonObject(body) ? body.id : undefined);
    }
  }

  private take(body: unknown, wire: Wire, principal: P): void {
    try {
      if (!Array.isArray(body)) return this.receiveOne(body, wire, principal);
      const { batchMessages } = this.limits;
      if (body.length === 0 || body.length > batchMessages) {
        const message = `Invalid Request: a batch has 1 to ${batchMessages} messages`;
        throw new Refusal(400, RpcCode.invalidRequest, message);
      }
      if (body.some((message) => isJsonObject(message) && message.method === 'initialize')) {
        throw new Refusal(400, RpcCode.invalidRequest, 'Invalid Request: initialize stands alone, not in a batch');
      }
      const batch = new BatchWire(wire, body.length);
      for (const message of body) this.receiveOne(message, batch, principal);
    } catch (error) {
      refuse(wire, error);
    }
  }

  private receiveOne(body: unknown, wire: Wire, principal: P): void {
    try {
      const message = checkEnvelope(body);
      if (isStreamOrFrame(message, wire)) this.refuseWhenClosing();
      if (isModern(message, wire.headers)) this.modern.receive(message, wire, principal);
      else this.legacy.receive(message, wire, principal);
    } catch (error) {
      refuse(wire, error, isJsonObject(body) ? body.id : undefined);
    }
  }
}

/** Answers and cancels are neither: requests in flight may wait for them. */
const isStreamOrFrame = ({ id, method }: Message, wire: Wire): boolean =>
  id !== undefined && method !== undefined && (wire.connection !== undefined || method === 'subscriptions/listen');

function checkEnvelope(body: unknown): Message {
  if (!isJsonObject(body) || body.jsonrpc !== '2.0' || (body.method !== undefined && typeof body.method !== 'string')) {
    throw new Refusal(400, RpcCode.invalidRequest, 'Invalid Request: not a JSON-RPC 2.0 message');
  }
  if (body.params !== undefined && !isJsonObject(body.params)) throw invalidParams('params must be an object');
  return body as Message;
}

/** Answers what never became a request of the host. */
function refuse(wire: Wire, error: unknown, id?: unknown): void {
  if (error instanceof Refusal) {
    if (WORTH_A_WARNING.has(error.status))
      log.warn('MCP request refused', { status: error.status, reason: error.message });
    return wire.end(error.status, errorMessage(id, error), error.headers);
  }
  if (error instanceof RpcError) return wire.end(400, errorMessage(id, error));
  log.error('MCP request failed', { cause: error });
  wire.end(500, errorMessage(id, new RpcError(RpcCode.internal, 'Internal error')));
}
