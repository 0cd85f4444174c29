import type { IncomingMessage, ServerResponse } from 'node:http';
import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common';
import { type Caller, DomainError } from '@app/core';
import { isDatabaseAway } from '@app/database';
import { McpServer } from '@app/mcp-protocol';
import { Authenticator } from '@app/permissions';
import { Log, Metrics } from '@app/telemetry';
import { ToolCatalog } from './tool-catalog.js';

const PATH = '/mcp';

/** The MCP door on HTTP: says who is calling and hands the request to the protocol core. */
@Injectable()
export class McpEndpoint implements OnModuleInit, BeforeApplicationShutdown {
  private readonly log = new Log('MCP');

  constructor(
    private readonly server: McpServer<Caller>,
    private readonly authenticator: Authenticator,
    private readonly catalog: ToolCatalog,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.catalog.onChange(() => this.server.changed('tools'));
  }

  /** Streams end, each in its protocol's way, before the HTTP server closes. */
  beforeApplicationShutdown(): Promise<void> {
    return this.server.close();
  }

  /** Is this request for the MCP door? */
  serves(url = ''): boolean {
    return url === PATH || url.startsWith(`${PATH}?`);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.measure(request, response);
    try {
      const caller = this.authenticator.authenticate(request.headers);
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

  private refuse(error: unknown, response: ServerResponse): void {
    const isKnown = error instanceof DomainError && error.code === 'unauthenticated';
    if (!isKnown) this.log.error('A caller could not be authenticated', { route: PATH, cause: error });
    this.metrics.failed(isKnown ? 'denied' : 'internal');
    const isAway = isDatabaseAway(error);
    const message = isKnown
      ? error.message
      : isAway
        ? 'The database cannot be reached; try again soon'
        : 'Internal error';
    if (isKnown) response.setHeader('www-authenticate', 'Bearer');
    response.writeHead(isKnown ? 401 : isAway ? 503 : 500, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32000, message } }));
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
