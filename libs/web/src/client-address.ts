import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
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
    const told = this.trust === undefined ? remoteAddress : proxyAddr(request, this.trust);
    // Some proxies add the port; what is no address at all was not written by one.
    const address = isIP(told) === 0 ? told.replace(/^\[?([^\]]*?)\]?:\d+$/, '$1') : told;
    return (isIP(address) === 0 ? remoteAddress : address).replace(/^::ffff:(?=\d+\.)/, '');
  }
}
