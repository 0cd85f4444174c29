import { isIPv6 } from 'node:net';
import { Injectable } from '@nestjs/common';
import { Config } from '@app/config';
import type { Caller } from '@app/core';
import { KeyRing } from '@app/secrets';

/** How long a `streamUrl` opens its stream; a stream that is open goes on. */
export const STREAM_TICKET_TTL_MS = 15 * 60_000;
const PURPOSE = 'stream ticket';
const ANY_ADDRESS = ['0.0.0.0', '::'];

/** The right to follow one request, made for the holder of one credential. */
export interface StreamTicket {
  readonly requestId: string;
  readonly credential: string;
}

/** Addresses under which one request can be followed over a WebSocket without any other credential. */
@Injectable()
export class StreamUrls {
  private port: number;

  constructor(
    private readonly config: Config,
    private readonly keyRing: KeyRing,
  ) {
    this.port = config.stream.port;
  }

  /** The door listens here; with `STREAM_PORT=0` only now it is known where. */
  listening(port: number): void {
    this.port = port;
  }

  urlFor({ credential }: Caller, requestId: string): string {
    const ticket = this.keyRing.seal(PURPOSE, { requestId, credential }, STREAM_TICKET_TTL_MS);
    return `${this.base}/stream?${new URLSearchParams({ requestId, ticket }).toString()}`;
  }

  /** Undefined for a ticket that is not ours, has expired or is for another request. */
  open(ticket: string, requestId: string): StreamTicket | undefined {
    const payload = this.keyRing.open(PURPOSE, ticket);
    if (payload?.requestId !== requestId) return undefined;
    return { requestId, credential: String(payload.credential) };
  }

  /** Without a slash at the end. */
  private get base(): string {
    const { publicUrl, host } = this.config.stream;
    if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '');
    const { publicUrl: httpUrl } = this.config.http;
    if (httpUrl !== undefined) {
      const { protocol, hostname } = new URL(httpUrl);
      return `${protocol === 'https:' ? 'wss' : 'ws'}://${hostname}:${this.port}`;
    }
    const name = ANY_ADDRESS.includes(host) ? 'localhost' : host;
    return `ws://${isIPv6(name) ? `[${name}]` : name}:${this.port}`;
  }
}
