import type { LookupAddress } from 'node:dns';
import { lookup as lookUp } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { DomainError } from '@app/core';
import { Agent, buildConnector } from 'undici';
import { exchange } from './exchange.js';
import { Networks } from './networks.js';
import { type OutboundInit, requestOf } from './outgoing-request.js';
import { MAX_REDIRECTS, redirected } from './redirects.js';

const CONNECT_TIMEOUT_MS = 5_000;
/** Per origin. Every open stream holds one; what comes beyond waits for a free one. */
const MAX_CONNECTIONS = 1_000;
/** A kept connection stays with the address that was checked; so it is not kept for long. */
const KEEP_ALIVE_AT_MOST_MS = 60_000;

export type Lookup = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface OutboundOptions {
  /** CIDR ranges that may be reached although they are not public. */
  readonly allowedNetworks: readonly string[];
  readonly lookup?: Lookup;
}

/** The guarded fetch: the only way out of the process. */
export class Outbound {
  private readonly networks: Networks;
  private readonly lookup: Lookup;
  private readonly agent: Agent;

  constructor({ allowedNetworks, lookup = (hostname) => lookUp(hostname, { all: true }) }: OutboundOptions) {
    this.networks = new Networks(allowedNetworks);
    this.lookup = lookup;
    this.agent = new Agent({
      connections: MAX_CONNECTIONS,
      keepAliveMaxTimeout: KEEP_ALIVE_AT_MOST_MS,
      connect: this.connect,
    });
  }

  /**
   * As `fetch`, but to public addresses and those in ALLOWED_NETWORKS only. Redirects of GET and HEAD are followed, each
   * checked like the first address. The body of the response must be read to its end or cancelled.
   * @throws DomainError `forbidden`, `invalid`, `unavailable`, `timeout` or `too_large`, from here or from the body; the
   * reason of the signal when it is aborted.
   */
  async fetch(url: string | URL, init: OutboundInit = {}): Promise<Response> {
    let request = await requestOf(url, init);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      checkUrl(request.url);
      request.signal?.throwIfAborted();
      const response = await exchange(this.agent, request);
      const next = init.redirect === 'manual' ? undefined : redirected(request, response);
      if (next === undefined) return response;
      await response.body?.cancel();
      request = next;
    }
    throw new DomainError('unavailable', `${request.url.host}: more than ${MAX_REDIRECTS} redirects`);
  }

  /** Ends what is still open; nothing goes out afterwards. */
  close(): Promise<void> {
    return this.agent.destroy();
  }

  /** All connections are made here, so no address escapes the check, and none is checked twice. */
  private readonly connect: buildConnector.connector = (options, callback) => {
    const refusal = isIP(options.hostname) === 0 ? undefined : this.networks.refusal(options.hostname);
    if (refusal === undefined) this.connector(options, callback);
    else queueMicrotask(() => callback(refused(options.host ?? options.hostname, `it is ${refusal}`), null));
  };

  /** Names: the connection goes to an address that was checked here; the name is not resolved a second time. */
  private readonly pin: LookupFunction = (hostname, options, callback) => {
    callbackify(() => this.resolve(hostname))((error, addresses) => {
      if (error !== null) callback(error, []);
      else if (options.all) callback(null, addresses);
      else callback(null, addresses[0].address, addresses[0].family);
    });
  };

  private readonly connector = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: this.pin });

  private async resolve(hostname: string): Promise<[LookupAddress, ...LookupAddress[]]> {
    const addresses = await this.lookup(hostname);
    const [first, ...others] = addresses.filter(({ address }) => this.networks.refusal(address) === undefined);
    if (first !== undefined) return [first, ...others];
    const reasons = addresses.map(({ address }) => `${address}, ${this.networks.refusal(address)}`);
    throw refused(hostname, `it resolves to ${reasons.join(' and ') || 'nothing'}`);
  }
}

function checkUrl(url: URL): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new DomainError('invalid', `${url.protocol}//… cannot be fetched: expected http or https`);
  if (url.username !== '' || url.password !== '')
    throw new DomainError('invalid', `The URL of ${url.host} must not contain credentials`);
}

function refused(host: string, why: string): DomainError {
  return new DomainError('forbidden', `${host} must not be reached: ${why}, and not in ALLOWED_NETWORKS`);
}
