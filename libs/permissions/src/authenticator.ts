import type { IncomingHttpHeaders } from 'node:http';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Audit } from '@app/audit';
import { type Caller, DomainError } from '@app/core';
import { Revisions } from '@app/database';
import { RateLimiter } from '@app/rate-limits';
import { hashKey, KeyRing } from '@app/secrets';
import { API_KEYS_TOPIC, ApiKeysService } from './api-keys.service.js';
import { BOOTSTRAP, BootstrapKey } from './bootstrap-key.js';
import { InsufficientScope } from './insufficient-scope.js';
import type { KeyHolder } from './key-holder.js';
import { KeyUse } from './key-use.js';
import { Oidc } from './oidc.js';
import { permissionsOf, rolesAmong } from './roles.js';

/** Verified keys remembered by hash, so that a call costs one SHA-256 and no statement. */
const MAX_REMEMBERED = 10_000;
/** Longer than any key of ours or token with many groups; nothing longer is hashed. */
const MAX_CREDENTIAL_LENGTH = 12_000;
const TOKEN_PURPOSE = 'oidc caller';

/** Before what a token said. */
const SEALED = 'token:';
type Sealed = Omit<KeyHolder, 'expiresAt'> & { readonly expiresAt: number };

const UNKNOWN = 'The API key is unknown, expired or revoked';

interface Known {
  readonly caller: Caller;
  /** The same, where it was seen last: one object for all that comes from there. */
  here: Caller;
  /** Milliseconds since 1970; when the key expires. */
  readonly until: number;
}

/** What was found out, and where it is kept unless it has changed meanwhile. */
interface Verified {
  readonly remembered: Map<string, Known>;
  readonly name: string;
  readonly holder: KeyHolder;
}

const ADMIN: KeyHolder = { keyId: BOOTSTRAP, principal: 'admin', roles: ['admin'], groups: [], expiresAt: null };

/** Says who is calling from the credentials of a request. */
@Injectable()
export class Authenticator implements OnModuleInit, OnModuleDestroy {
  /** By the hash of a key, and by the id of a credential. */
  private remembered = new Map<string, Known>();
  private stopWatching = (): void => undefined;

  constructor(
    private readonly keys: ApiKeysService,
    private readonly bootstrap: BootstrapKey,
    private readonly oidc: Oidc,
    private readonly seal: KeyRing,
    private readonly use: KeyUse,
    private readonly revisions: Revisions,
    private readonly limiter: RateLimiter,
    private readonly audit: Audit,
  ) {}

  onModuleInit(): void {
    this.stopWatching = this.revisions.watch(API_KEYS_TOPIC, () => {
      this.remembered = new Map();
    });
  }

  onModuleDestroy(): void {
    this.stopWatching();
  }

  /**
   * Synchronous for a key that was seen before.
   * @throws DomainError unauthenticated, forbidden (the address is blocked); RateLimited (too many wrong keys)
   */
  authenticate(headers: IncomingHttpHeaders, address: string): Caller | Promise<Caller> {
    this.limiter.demandOpen(address);
    const key = shownKey(headers);
    if (key instanceof DomainError) return this.refuse(key, address);
    const hash = hashKey(key);
    return this.recalled(hash, address) ?? this.verify(key, hash, address);
  }

  /**
   * Whoever showed this credential earlier, when something that was made for them then is shown now.
   * @param credential `Caller.credential`
   * @throws DomainError unauthenticated when the credential was revoked or expired since
   */
  async recall(credential: string, address: string): Promise<Caller> {
    this.limiter.demandOpen(address);
    const name = `id:${credential}`;
    const known = this.recalled(name, address);
    if (known !== undefined) return known;
    const remembered = this.remembered;
    const holder = await this.holderOf(credential);
    if (holder === undefined) throw new DomainError('unauthenticated', 'The credential was revoked, or has expired');
    return this.remember({ remembered, name, holder }, address);
  }

  private async holderOf(credential: string): Promise<KeyHolder | undefined> {
    if (credential === BOOTSTRAP) return this.bootstrap.exists ? ADMIN : undefined;
    if (!credential.startsWith(SEALED)) return this.keys.holderOf(credential);
    const payload = this.seal.open(TOKEN_PURPOSE, credential.slice(SEALED.length)) as Sealed | undefined;
    return payload && { ...payload, expiresAt: new Date(payload.expiresAt) };
  }

  private async verify(key: string, hash: string, address: string): Promise<Caller> {
    await this.limiter.demandPatience(address);
    const remembered = this.remembered; // a revocation meanwhile replaces the map, and this answer is not kept
    try {
      const holder = await this.lookUp(key, hash);
      return this.remember({ remembered, name: hash, holder }, address);
    } catch (error) {
      const isWrong = error instanceof DomainError && error.code === 'unauthenticated';
      if (isWrong || error instanceof InsufficientScope) return this.refuse(error, address, key);
      throw error;
    }
  }

  private async lookUp(key: string, hash: string): Promise<KeyHolder> {
    if (this.bootstrap.matches(hash)) return ADMIN;
    if (this.oidc.takes(key)) return this.oidc.verify(key);
    const holder = await this.keys.findActive(key);
    if (holder === undefined) throw new DomainError('unauthenticated', UNKNOWN);
    return holder;
  }

  /** Wrong credentials are few. @throws the error, or RateLimited */
  private async refuse(error: DomainError, address: string, key = ''): Promise<never> {
    const [, keyId] = /^a2a_([0-9a-f]{16})_/.exec(key) ?? [];
    this.audit.notAuthenticated(address, error.message, keyId);
    await this.limiter.admitStranger(address);
    if (keyId !== undefined) await this.limiter.wrongKey(keyId, address);
    throw error;
  }

  private recalled(name: string, address: string): Caller | undefined {
    const known = this.remembered.get(name);
    if (known === undefined || known.until <= Date.now()) return undefined;
    this.limiter.demandUnblocked(known.caller.id);
    this.note(known.caller.keyId);
    if (known.here.address !== address) known.here = { ...known.caller, address };
    return known.here;
  }

  private note(keyId: string): void {
    if (keyId !== BOOTSTRAP && !keyId.startsWith('oidc:')) this.use.note(keyId);
  }

  private callerOf(holder: KeyHolder): Caller {
    const { keyId, principal: id, groups } = holder;
    const roles = rolesAmong(holder.roles);
    return { id, keyId, credential: this.credentialOf(holder), roles, groups, permissions: permissionsOf(roles) };
  }

  /** Nobody keeps tokens: what one said is sealed for as long as it is believed. */
  private credentialOf({ expiresAt, ...holder }: KeyHolder): string {
    if (!holder.keyId.startsWith('oidc:') || expiresAt === null) return holder.keyId;
    const sealed: Sealed = { ...holder, expiresAt: expiresAt.getTime() };
    return SEALED + this.seal.seal(TOKEN_PURPOSE, sealed, expiresAt.getTime() - Date.now());
  }

  private remember({ remembered, name, holder }: Verified, address: string): Caller {
    this.limiter.demandUnblocked(holder.principal);
    const caller = this.callerOf(holder);
    const here = { ...caller, address };
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(name, { caller, here, until: holder.expiresAt?.getTime() ?? Infinity });
    this.note(holder.keyId);
    return here;
  }
}

/** The key, or what is wrong with the headers. */
function shownKey(headers: IncomingHttpHeaders): string | DomainError {
  const bearer = headers.authorization;
  if (bearer !== undefined && !/^bearer /i.test(bearer))
    return new DomainError('unauthenticated', 'Authorization: expected "Bearer <API key or access token>"');
  const key = bearer?.slice('bearer '.length).trim() ?? headers['x-api-key'];
  if (typeof key !== 'string' || key === '')
    return new DomainError('unauthenticated', 'Send an API key: "Authorization: Bearer <key>" or "X-API-Key: <key>"');
  if (key.length > MAX_CREDENTIAL_LENGTH) return new DomainError('unauthenticated', 'The credentials are too long');
  return key;
}
