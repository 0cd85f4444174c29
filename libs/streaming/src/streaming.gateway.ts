import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import type { OnModuleDestroy } from '@nestjs/common';
import { type OnGatewayConnection, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { Config } from '@app/config';
import { StreamUrls } from '@app/control';
import { NOT_SERVED, OriginGuard } from '@app/mcp-protocol';
import { Log } from '@app/telemetry';
import type { ServerOptions, WebSocket, WebSocketServer as Server } from 'ws';
import { Connections } from './connections.js';
import { SUBPROTOCOL } from './credentials.js';
import { pathOf } from './destination.js';
import { LIMITS } from './limits.js';
import { Reception } from './reception.js';

const HEADERS_TIMEOUT_MS = 15_000;

const OPTIONS: ServerOptions = {
  noServer: true,
  clientTracking: false,
  maxPayload: LIMITS.messageBytes,
  // Costs 300 KB a connection and saves little on frames of this size.
  perMessageDeflate: false,
  handleProtocols: (offered) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
};

/** The WebSocket door: its own HTTP server, on which nothing but an upgrade is served. */
@WebSocketGateway(OPTIONS)
export class StreamingGateway implements OnGatewayConnection, OnModuleDestroy {
  @WebSocketServer()
  private readonly sockets: Server;
  private readonly log = new Log('WebSocket');
  private readonly guard: OriginGuard;
  private readonly http = createServer({ headersTimeout: HEADERS_TIMEOUT_MS }, refuseRequest);
  private isClosing = false;

  constructor(
    private readonly config: Config,
    private readonly connections: Connections,
    private readonly reception: Reception,
    private readonly streams: StreamUrls,
  ) {
    this.guard = new OriginGuard(config.hostNames);
    this.http.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
  }

  /** @returns where it listens */
  async listen(): Promise<string> {
    const { host, port } = this.config.stream;
    this.http.listen(port, host);
    await once(this.http, 'listening');
    const { address, port: listened } = this.http.address() as AddressInfo;
    this.streams.listening(listened);
    return `ws://${isIPv6(address) ? `[${address}]` : address}:${listened}`;
  }

  handleConnection(socket: WebSocket, request: IncomingMessage): void {
    void this.reception.admit(socket, request);
  }

  async onModuleDestroy(): Promise<void> {
    this.isClosing = true;
    if (!this.http.listening) return;
    const closed = once(this.http, 'close');
    this.http.close();
    await this.connections.close();
    this.http.closeAllConnections();
    await closed;
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const refusal = this.refusalOf(request);
    if (refusal === undefined) {
      this.sockets.handleUpgrade(request, socket, head, (client) => this.sockets.emit('connection', client, request));
      return;
    }
    const [status, reason] = refusal;
    this.log.warn('WebSocket refused', { code: status, reason, address: request.socket.remoteAddress });
    const heading = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: text/plain\r\n`;
    socket.end(`${heading}content-length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`);
  }

  /** Everything else is told by a close code, which browsers can read. */
  private refusalOf({ headers, url }: IncomingMessage): [status: number, reason: string] | undefined {
    if (!this.guard.allows(headers)) return [403, NOT_SERVED];
    if (pathOf(url) === undefined) return [404, 'Not found: the WebSocket door serves / and /stream?requestId=…'];
    if (this.isClosing) return [503, 'Restarting: connect again'];
    return undefined;
  }
}

function refuseRequest(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { upgrade: 'websocket', 'content-type': 'text/plain' });
  response.end('Upgrade required: this port speaks WebSocket\n');
}
