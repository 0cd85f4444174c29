import { createHash } from 'node:crypto';
import { DomainError } from '@app/core';
import { Outbound } from '@app/outbound';
import { Injectable } from '@nestjs/common';
import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import { CallError } from './call-error.js';
import type { ClientAuthentication, Grant } from './grant.js';

/** An answer of a token endpoint, or a discovery document. */
const MAX_BYTES = 256 * 1_024;
/** Over both requests it may take. */
const MAX_MS = 30_000;
/** Before its end a token is asked for anew: what is sent now arrives later, at another clock. */
const SAFETY_MS = 10_000;
const MAX_TOKENS = 1_000;

interface Known {
  readonly token: Promise<string>;
  /** On the monotonic clock; undefined while it is being asked for. */
  until?: number;
}

/** Access tokens of OAuth 2.0, kept in memory until they expire; what many calls need at once is asked for once. */
@Injectable()
export class Tokens {
  private readonly known = new Map<string, Known>();

  constructor(private readonly outbound: Outbound) {}

  /**
   * @returns the token, and how to forget it: true when it was not asked for just now, so that another may help
   * @throws CallError authentication, communication, …; the signal's reason
   */
  async tokenFor(grant: Grant, signal: AbortSignal): Promise<{ token: string; forget: () => boolean }> {
    const name = createHash('sha256').update(JSON.stringify(grant)).digest('hex');
    const found = this.known.get(name);
    const wasKnown = found !== undefined && (found.until === undefined || found.until > performance.now());
    const entry = wasKnown ? found : this.ask(name, grant);
    const token = await unless(signal, entry.token);
    const forget = () => {
      if (this.known.get(name) === entry) this.known.delete(name);
      return wasKnown;
    };
    return { token, forget };
  }

  private ask(name: string, grant: Grant): Known {
    // Not the signal of one of those who wait for it.
    const answer = this.request(grant, AbortSignal.timeout(MAX_MS)).catch((error: unknown) => {
      throw asTokenError(error, grant);
    });
    const entry: Known = { token: answer.then(({ access_token: token }) => token) };
    if (this.known.size >= MAX_TOKENS) this.known.clear();
    this.known.set(name, entry);
    answer.then(
      // RFC 6749 §5.1: without `expires_in` nobody knows, and it is not kept.
      ({ expires_in: seconds = 0 }) => (entry.until = performance.now() + seconds * 1_000 - SAFETY_MS),
      () => this.known.delete(name),
    );
    return entry;
  }

  private async request(grant: Grant, signal: AbortSignal): Promise<oauth.TokenEndpointResponse> {
    const options = {
      [oauth.customFetch]: (url: string, init: RequestInit) =>
        this.outbound.fetch(url, { ...init, limits: { maxBytes: MAX_BYTES } }),
      [oauth.allowInsecureRequests]: true, // where plain http may go is said by ALLOWED_NETWORKS
      signal,
    };
    const { tokenEndpoint } = grant;
    const server =
      tokenEndpoint === undefined
        ? await discover(grant.authority, options)
        : { issuer: grant.authority.href, token_endpoint: tokenEndpoint.href };
    const client = { client_id: grant.clientId };
    const parameters = new URLSearchParams(grant.parameters.map(([key, value]): [string, string] => [key, value]));
    const proof = PROOFS[grant.clientAuthentication](grant);
    const response = await oauth.genericTokenEndpointRequest(server, client, proof, grant.type, parameters, options);
    const answer = await oauth.processGenericTokenEndpointResponse(server, client, response);
    checkIssuer(answer.access_token, grant.issuers);
    return answer;
  }
}

const PROOFS: Readonly<Record<ClientAuthentication, (grant: Grant) => oauth.ClientAuth>> = {
  client_secret_post: ({ clientSecret = '' }) => oauth.ClientSecretPost(clientSecret),
  client_secret_basic: ({ clientSecret = '' }) => oauth.ClientSecretBasic(clientSecret),
  client_secret_jwt: ({ clientSecret = '' }) => oauth.ClientSecretJwt(clientSecret),
  // RFC 7523 §2.2; the author signed it, we have no key of his.
  private_key_jwt:
    ({ clientAssertion = '' }) =>
    (_server, { client_id: id }, body) => {
      body.set('client_id', id);
      body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
      body.set('client_assertion', clientAssertion);
    },
  none: () => oauth.None(),
};

const WELL_KNOWN = '/.well-known/openid-configuration';

async function discover(authority: URL, options: oauth.DiscoveryRequestOptions): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(authority);
  if (issuer.pathname.endsWith(WELL_KNOWN)) issuer.pathname = issuer.pathname.slice(0, -WELL_KNOWN.length);
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
}

function checkIssuer(token: string, issuers: readonly string[]): void {
  if (issuers.length === 0) return;
  const issuer = issuerOf(token);
  if (issuer === undefined || !issuers.includes(issuer))
    throw new CallError('authentication', 'The access token was issued by none of authentication.issuers');
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined; // opaque
  }
}

/** What the server said is told by its error code only: its words may repeat what was sent. */
function asTokenError(error: unknown, { authority }: Grant): unknown {
  if (error instanceof CallError || error instanceof DomainError) return error;
  const at = `The authority at ${authority.host}`;
  if (error instanceof oauth.ResponseBodyError)
    return new CallError('authentication', `${at} gave no token: ${CODE.test(error.error) ? error.error : 'error'}`);
  if (error instanceof oauth.WWWAuthenticateChallengeError)
    return new CallError('authentication', `${at} refused the client (HTTP ${error.status})`);
  if (error instanceof oauth.OperationProcessingError)
    return new CallError('authentication', `${at} answered with something that is no token: ${error.message}`);
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return new CallError('timeout', `${at} gave no token in ${MAX_MS} ms`);
  return error;
}

/** RFC 6749 §5.2 and those that others registered. */
const CODE = /^[a-z_]{1,64}$/;

/** What comes of a promise that others wait for too, unless this one gives up. */
function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
