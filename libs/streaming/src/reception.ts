import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { DomainError, type JsonObject, traceIn } from '@app/core';
import { controlTools, parseInput } from '@app/control';
import { Log } from '@app/telemetry';
import { ClientAddress } from '@app/web';
import type { WebSocket } from 'ws';
import { Connection, type Identity } from './connection.js';
import { Connections } from './connections.js';
import { Credentials } from './credentials.js';
import { type Destination, destinationOf } from './destination.js';
import { endingOf, ENDINGS } from './endings.js';
import { Follower } from './follower.js';
import type { Frame } from './frames.js';
import { LIMITS } from './limits.js';
import { type Answer, callOf, type Method, RpcSession } from './rpc-session.js';
import { StreamServices } from './stream-services.js';
import { Subscriptions } from './subscriptions.js';

/** What clients are told about this server. */
export const ABOUT = Symbol('about this server');
export interface About {
  readonly name: string;
  readonly version: string;
}

/** An access token with many groups is longer than any API key. */
const MAX_CREDENTIAL_LENGTH = 12_000;
const Authenticate = z.strictObject({ key: z.string().min(1).max(MAX_CREDENTIAL_LENGTH) });

/** Lets a connection in, or says why not, and begins what it came for. */
@Injectable()
export class Reception {
  private readonly log = new Log('WebSocket');

  constructor(
    private readonly connections: Connections,
    private readonly credentials: Credentials,
    private readonly services: StreamServices,
    private readonly address: ClientAddress,
    @Inject(ABOUT) private readonly about: About,
  ) {}

  async admit(socket: WebSocket, request: IncomingMessage): Promise<void> {
    const connection = new Connection(socket, this.services.metrics);
    connection.deafen();
    this.connections.add(connection);
    const address = this.address.of(request);
    connection.address = address;
    connection.trace = traceIn(request.headers.traceparent, request.headers.tracestate);
    const where = { connection: connection.id, path: pathOnly(request.url), address };
    try {
      const destination = destinationOf(request.url);
      const identity = await this.identityFor(destination, request.headers, address);
      if (identity === undefined) this.connections.admitStranger();
      else this.connections.identify(connection, identity);
      this.log.info('WebSocket connected', { ...where, principal: identity?.caller.id });
      connection.onClose((code, reason) => this.told(connection, code, reason));
      this.serve(connection, destination);
    } catch (error) {
      const ending = endingOf(error) ?? ENDINGS.internal;
      if (ending.end === 'internal') this.log.error('A WebSocket could not be opened', { ...where, cause: error });
      else this.log.warn('WebSocket refused', { ...where, code: ending.code, reason: ending.reason });
      connection.end(ending);
    }
    connection.listen();
  }

  private async identityFor(
    destination: Destination,
    headers: IncomingHttpHeaders,
    address: string,
  ): Promise<Identity | undefined> {
    this.services.limiter.demandOpen(address);
    if (destination.path === '/') return this.credentials.inHeaders(headers, address);
    const { ticket, requestId } = destination;
    const identity =
      ticket === undefined
        ? await this.credentials.inHeaders(headers, address)
        : await this.credentials.inTicket(ticket, requestId, address);
    if (identity !== undefined) return identity;
    throw new DomainError(
      'unauthenticated',
      'show an API key as header or subprotocol, or use the streamUrl of the request',
    );
  }

  private serve(connection: Connection, destination: Destination): void {
    // The ticket of a stream opens nothing else.
    const methods = destination.path === '/' ? this.methodsFor(connection) : new Map([['ping', ping]]);
    const session = new RpcSession(connection, this.services, methods);
    connection.onMessage((text) => session.take(text));
    if (destination.path === '/stream') {
      void this.stream(connection, destination);
      return;
    }
    const { name: service, version } = this.about;
    const authenticated = connection.identity !== undefined;
    connection.send({ type: 'hello', service, version, authenticated, methods: [...methods.keys()] });
  }

  private async stream(connection: Connection, { requestId, from }: Extract<Destination, { path: '/stream' }>) {
    const { identity } = connection;
    if (identity === undefined) return;
    const write = (frame: Frame) => {
      connection.lastSeq = frame.seq;
      connection.send(frame);
    };
    const follower = new Follower(this.services, connection, { caller: identity.caller, requestId, from }, write);
    const ending = await follower.start().then(
      (start) => {
        write(start);
        return follower.run();
      },
      (error: unknown) => follower.fail(error),
    );
    connection.end(ending);
  }

  private methodsFor(connection: Connection): ReadonlyMap<string, Method> {
    const subscriptions = new Subscriptions(this.services, connection);
    const tools = controlTools.map((tool): [string, Method] => [
      tool.name,
      async (params, trace) => ({
        result: await tool.call(this.services.control, { ...(await callOf(connection)), trace }, params),
      }),
    ]);
    return new Map<string, Method>([
      ...tools,
      ['authenticate', (params) => this.authenticate(connection, params)],
      ['subscribe', (params) => subscriptions.subscribe(params)],
      ['unsubscribe', (params) => subscriptions.unsubscribe(params)],
      ['ping', ping],
    ]);
  }

  private async authenticate(connection: Connection, params: JsonObject): Promise<Answer> {
    const { key } = parseInput(Authenticate, params);
    try {
      const identity = await this.credentials.ofKey(key, connection.address);
      // A second message may have been faster.
      if (connection.identity !== undefined)
        throw new DomainError('conflict', 'This connection is authenticated already');
      this.connections.identify(connection, identity);
      const principal = identity.caller.id;
      this.log.info('WebSocket authenticated', { connection: connection.id, principal });
      return { result: { authenticated: true, principal } };
    } catch (error) {
      const isWrong = error instanceof DomainError && error.code === 'unauthenticated';
      if (isWrong && ++connection.wrongKeys >= LIMITS.failedAuthentications) connection.end(ENDINGS.unauthenticated);
      throw error;
    }
  }

  private told(connection: Connection, closeCode: number, closeReason: string): void {
    const { id, ending, seconds, identity, sent, received } = connection;
    const { code, reason } = ending ?? { code: closeCode, reason: closeReason };
    const principal = identity?.caller.id;
    this.log.info('WebSocket disconnected', { connection: id, code, reason, seconds, principal, sent, received });
  }
}

const ping: Method = () => ({ result: { ts: new Date().toISOString() } });

/** A query may hold what must not be logged. */
const pathOnly = (url = '/'): string => url.split('?', 1)[0] ?? '/';
