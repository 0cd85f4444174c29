import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '@app/config';
import { DomainError, isJsonObject, type JsonObject } from '@app/core';
import { Log } from '@app/telemetry';
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { InsufficientScope } from './insufficient-scope.js';
import { rolesAmong } from './roles.js';
import type { KeyHolder } from './key-holder.js';

/** Asymmetric ones only: a public key must never be taken for a shared secret. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const FETCH_MS = 5_000;
/** Unknown key ids are looked up again at most so often; keys are read again after ten minutes in any case. */
const COOLDOWN_MS = 30_000;
const KEYS_MAX_AGE_MS = 600_000;
const CLOCK_TOLERANCE_SECONDS = 5;
/** A verified token is believed for so long, whatever its `exp`: the keys of the issuer may be withdrawn. */
const BELIEVE_MS = 300_000;
const MAX_GROUPS = 200;
const MAX_GROUP_LENGTH = 256;
const MAX_SUBJECT_LENGTH = 200;

/** Verifies access tokens of the configured issuer (OpenID Connect Core 1.0, RFC 9068, RFC 8707). */
@Injectable()
export class Oidc {
  private readonly log = new Log('Oidc');
  private keys: Promise<JWTVerifyGetKey> | undefined;

  constructor(private readonly config: Config) {}

  /** Is this a token that the issuer may have made? API keys have no dots. */
  takes(credential: string): boolean {
    return this.config.oidc !== undefined && /^[\w-]+\.[\w-]+\.[\w-]*$/.test(credential);
  }

  /** @throws DomainError unauthenticated, unavailable (the issuer); InsufficientScope */
  async verify(token: string): Promise<KeyHolder> {
    const payload = await this.payloadOf(token);
    this.demandScopes(payload);
    return this.holderOf(payload);
  }

  private async payloadOf(token: string): Promise<JWTPayload> {
    const { issuer, audiences } = this.configured;
    const keys = await this.issuerKeys();
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: [...audiences],
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp', 'sub'],
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) throw this.unreachable(error);
      throw new DomainError('unauthenticated', `The access token is not valid: ${error.message}`, { cause: error });
    }
  }

  /** RFC 6750 §3.1 */
  private demandScopes({ scope, scp }: JWTPayload): void {
    const { scopes } = this.configured;
    const given = [scope, scp].flatMap((claim) => (typeof claim === 'string' ? claim.split(' ') : (claim ?? [])));
    const missing = scopes.filter((name) => !given.includes(name));
    if (missing.length > 0) throw new InsufficientScope(missing);
  }

  private holderOf(payload: JWTPayload): KeyHolder {
    const { issuer, rolesClaim, groupsClaim, roleMap } = this.configured;
    const subject = String(payload.sub);
    if (subject.trim() === '' || subject.length > MAX_SUBJECT_LENGTH)
      throw new DomainError('unauthenticated', `sub: expected 1 to ${MAX_SUBJECT_LENGTH} characters`);
    const groups = namesIn(payload, groupsClaim);
    const mapped = [...namesIn(payload, rolesClaim), ...groups].flatMap((name) => roleMap.get(name) ?? []);
    const roles = rolesAmong(mapped);
    return {
      // Stable over the tokens of one person: sessions are bound to it.
      keyId: `oidc:${createHash('sha256').update(`${issuer} ${subject}`).digest('hex').slice(0, 16)}`,
      principal: `user:${subject}`,
      roles: roles.length > 0 ? roles : ['user'],
      groups,
      expiresAt: new Date(Math.min((payload.exp ?? 0) * 1_000, Date.now() + BELIEVE_MS)),
    };
  }

  private issuerKeys(): Promise<JWTVerifyGetKey> {
    this.keys ??= this.discover().catch((error: unknown) => {
      this.keys = undefined; // the next token asks again
      throw this.unreachable(error);
    });
    return this.keys;
  }

  /** OpenID Connect Discovery 1.0 §4; the issuer was configured by the operator, not by a caller. */
  private async discover(): Promise<JWTVerifyGetKey> {
    const { issuer } = this.configured;
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS), redirect: 'error' });
    const document: unknown = await response.json();
    if (!response.ok || !isJsonObject(document) || document.issuer !== issuer || typeof document.jwks_uri !== 'string')
      throw new Error(`${url} answered ${response.status} without an issuer ${issuer} and its jwks_uri`);
    return createRemoteJWKSet(new URL(document.jwks_uri), {
      timeoutDuration: FETCH_MS,
      cooldownDuration: COOLDOWN_MS,
      cacheMaxAge: KEYS_MAX_AGE_MS,
    });
  }

  private unreachable(cause: unknown): DomainError {
    if (cause instanceof DomainError) return cause;
    this.log.error('The identity provider could not be asked', { issuer: this.configured.issuer, cause });
    return new DomainError('unavailable', 'The identity provider cannot be reached; try again soon', { cause });
  }

  private get configured() {
    const { oidc } = this.config;
    if (oidc === undefined) throw new Error('OIDC_ISSUER is not set');
    return oidc;
  }
}

/** Names in a claim, which may lie deeper: `realm_access.roles`. */
function namesIn(payload: JWTPayload, claim: string): string[] {
  const value = claim
    .split('.')
    .reduce<unknown>((inner, name) => (isJsonObject(inner) ? inner[name] : undefined), payload as JsonObject);
  const names = Array.isArray(value) ? value : [value];
  return names
    .filter((name): name is string => typeof name === 'string' && name !== '' && name.length <= MAX_GROUP_LENGTH)
    .slice(0, MAX_GROUPS);
}
