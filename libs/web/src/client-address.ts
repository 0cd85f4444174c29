import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { Config } from '@app/config';
import proxyAddr from 'proxy-addr';

/** Whose request it is: forwarding headers count only where a trusted proxy wrote them. */
@Injectable()
export class ClientAddress {
  private readonly trust: ((address: string, distance: number) => boolean) | undefined;

  constructor({ trustedProxies }: Config) {
    this.trust = trustedProxies.length === 0 ? undefined : proxyAddr.compile([...trustedProxies]);
  }

  /** An IP address; IPv4 also when it came mapped into IPv6. Empty when the connection is gone. */
  of(request: IncomingMessage): string {
    const { remoteAddress } = request.socket;
    if (remoteAddress === undefined) return '';
    const address = this.trust === undefined ? remoteAddress : proxyAddr(request, this.trust);
    return address.replace(/^::ffff:(?=\d+\.)/, '');
  }
}
