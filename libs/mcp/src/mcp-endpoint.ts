import type { IncomingMessage, ServerResponse } from 'node:http';
import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common';
import { type Caller, DomainError, RateLimited } from '@app/core';
import { isDatabaseAway } from '@app/database';
import { McpServer, RpcCode } from '@app/mcp-protocol';
import { Authenticator, ProtectedResource } from '@app/permissions';
import { ERROR_TYPE, Log, Metrics } from '@app/telemetry';
import { ClientAddress, limitHeaders, STATUS } from '@app/web';
import { ToolCatalog } from './tool-catalog.js';

const PATH = '/mcp';
/** How often it is asked whether those with open streams may still come in. */
const CONFIRM_EVERY_MS = 5_000;

/** The MCP door on HTTP: says who is calling and hands the request to the protocol core. */
@Injectable()
export class McpEndpoint implements OnModuleInit, BeforeApplicationShutdown {
  private readonly log = new Log('MCP');
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly server: McpServer<Caller>,
    private readonly authenticator: Authenticator,
    private readonly catalog: ToolCatalog,
    private readonly address: ClientAddress,
    private readonly resource: ProtectedResource,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.catalog.onChange(() => this.server.changed('tools'));
    this.timer = setInterval(() => void this.confirmStreams(), CONFIRM_EVERY_MS).unref();
  }

  /** Streams end, each in its protocol's way, before the HTTP server closes. */
  beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    return this.server.close();
  }

  /** Is this request for the MCP door? */
  serves(url = ''): boolean {
    return url === PATH || url.startsWith(`${PATH}?`);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.measure(request, response);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('cache-control', 'no-store');
    try {
      const caller = this.authenticator.authenticate(request.headers, this.address.of(request));
      if (!(caller instanceof Promise)) {
        this.server.handle(request, response, caller);
        return;
      }
      caller
        .then((known) => this.server.handle(request, response, known))
        .catch((error: unknown) => this.refuse(error, response));
    } catch (error) {
      this.refuse(error, response);
    }
  }

  /** A stream is one request and would outlive the credential that opened it. */
  private confirmStreams(): Promise<void> {
    return this.server.confirmStreams(async ({ credential, address = '' }) => {
      try {
        await this.authenticator.recall(credential, address);
        return true;
      } catch (error) {
        const isDenied = error instanceof DomainError && ['unauthenticated', 'forbidden'].includes(error.code);
        return !isDenied; // whoever cannot be asked about now is asked about again
      }
    });
  }

  private refuse(error: unknown, response: ServerResponse): void {
    if (!(error instanceof DomainError))
      this.log.error('A caller could not be authenticated', { route: PATH, cause: error });
    const { status, type, message, headers, data } = refusalOf(error, this.resource);
    this.metrics.failed(type);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: RpcCode.refused, message, data } }));
  }

  private measure({ method }: IncomingMessage, response: ServerResponse): void {
    const started = performance.now();
    response.once('close', () => {
      this.metrics.httpResponses.inc({ status_class: `${Math.floor(response.statusCode / 100)}xx` });
      // A GET is a stream that stays open, not an answer somebody waits for.
      if (method === 'POST') this.metrics.responded('mcp', (performance.now() - started) / 1_000);
      this.metrics.mcpStreams.set(this.server.stats().openStreams);
    });
  }
}

function refusalOf(error: unknown, resource: ProtectedResource) {
  if (error instanceof DomainError) {
    const { code, message } = error;
    const told = resource.challenge(error);
    const challenge = told === undefined ? {} : { 'www-authenticate': told };
    const headers = error instanceof RateLimited ? limitHeaders(error.state) : challenge;
    const data = { code, ...(error instanceof RateLimited && error.state) };
    return { status: STATUS[code], type: ERROR_TYPE[code], message, headers, data };
  }
  const type = 'internal' as const;
  if (!isDatabaseAway(error)) return { status: 500, type, message: 'Internal error', headers: {}, data: undefined };
  return { status: 503, type, message: 'The database cannot be reached; try again soon', headers: {}, data: undefined };
}
