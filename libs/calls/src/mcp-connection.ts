import { isJsonObject } from '@app/core';
import type { Outbound, OutboundInit } from '@app/outbound';
import { type Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

interface Settings {
  readonly url: URL;
  readonly headers: Headers;
  readonly signal: AbortSignal;
  readonly limits: OutboundInit['limits'];
  /** What is sent with an `Idempotency-Key`: the handshake before it is another request. */
  readonly once: { readonly method: string; readonly key: string };
}

/** After the call its session is ended; nobody waits long for that. */
const FAREWELL_MS = 2_000;

/** One conversation with an MCP server, for one call, over the guarded fetch. */
export class McpConnection {
  readonly transport: StreamableHTTPClientTransport;
  /** Of the last answer that was a refusal. */
  status: number | undefined;
  /** What the guarded fetch threw; the SDK wraps it. */
  failure: unknown;

  constructor(
    private readonly outbound: Outbound,
    private readonly settings: Settings,
  ) {
    const fetch = (url: string | URL, init: RequestInit = {}) => this.fetch(url, init);
    const requestInit = { headers: Object.fromEntries(settings.headers) };
    this.transport = new StreamableHTTPClientTransport(settings.url, { fetch, requestInit });
  }

  /** Never throws: the call is over, whatever becomes of this. */
  async end(client: Client): Promise<void> {
    if (this.transport.sessionId !== undefined && !this.settings.signal.aborted)
      await this.transport.terminateSession().catch(() => undefined);
    await client.close().catch(() => undefined);
  }

  private async fetch(url: string | URL, init: RequestInit): Promise<Response> {
    const method = init.method ?? 'GET';
    const headers = new Headers(init.headers);
    // The stream for what the server says by itself: nobody would listen. Resuming a broken answer is another matter.
    if (method === 'GET' && !headers.has('last-event-id')) return new Response(null, { status: 405 });
    if (this.isTheCall(init.body)) headers.set('idempotency-key', this.settings.once.key);
    try {
      const response = await this.outbound.fetch(url, { ...init, headers, ...this.bounds(method, init.signal) });
      if (!response.ok) this.status = response.status;
      return response;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  private bounds(method: string, signal: AbortSignal | null | undefined): Pick<OutboundInit, 'signal' | 'limits'> {
    const { limits } = this.settings;
    if (method === 'DELETE') return { signal: AbortSignal.timeout(FAREWELL_MS), limits };
    return { signal: signal ?? this.settings.signal, limits };
  }

  private isTheCall(body: RequestInit['body']): boolean {
    if (typeof body !== 'string') return false;
    const message = JSON.parse(body) as unknown;
    return isJsonObject(message) && message.method === this.settings.once.method && message.method === 'tools/call';
  }
}
