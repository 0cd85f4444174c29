import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { DomainError } from '@app/core';
import { StreamUrls } from '@app/control';
import { Authenticator } from '@app/permissions';
import type { Identity } from './connection.js';

/** Offered by clients; the only one that is ever answered with, so that no key comes back in a header. */
export const SUBPROTOCOL = 'a2a.v1';
const KEY_SUBPROTOCOL = 'a2a.key.';

/** Says who is calling from what a connection brings along. */
@Injectable()
export class Credentials {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly streams: StreamUrls,
  ) {}

  /** Undefined when there are none. @throws DomainError unauthenticated */
  async inHeaders(headers: IncomingHttpHeaders, address: string): Promise<Identity | undefined> {
    const { authorization, 'x-api-key': apiKey } = headers;
    if (authorization !== undefined || apiKey !== undefined)
      return this.identity({ authorization, 'x-api-key': apiKey }, address);
    const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
    const key = offered.find((name) => name.startsWith(KEY_SUBPROTOCOL))?.slice(KEY_SUBPROTOCOL.length);
    return key === undefined ? undefined : this.ofKey(key, address);
  }

  /** @throws DomainError unauthenticated */
  ofKey(key: string, address: string): Promise<Identity> {
    return this.identity({ 'x-api-key': key }, address);
  }

  /** The ticket of a `streamUrl` opens the one stream it was made for. @throws DomainError unauthenticated */
  async inTicket(ticket: string, requestId: string, address: string): Promise<Identity> {
    const opened = this.streams.open(ticket, requestId);
    if (opened === undefined)
      throw new DomainError(
        'unauthenticated',
        'ticket: expired, or not for this request; get_status gives a new streamUrl',
      );
    const confirm = () => this.authenticator.recall(opened.credential, address);
    return { caller: await confirm(), confirm };
  }

  private async identity(headers: IncomingHttpHeaders, address: string): Promise<Identity> {
    const confirm = () => this.authenticator.authenticate(headers, address);
    return { caller: await confirm(), confirm };
  }
}
