import type { IncomingHttpHeaders } from 'node:http';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { type Caller, DomainError } from '@app/core';
import { Revisions } from '@app/database';
import { hashKey } from '@app/secrets';
import { API_KEYS_TOPIC, ApiKeysService } from './api-keys.service.js';
import { BootstrapKey } from './bootstrap-key.js';
import { permissionsOf } from './roles.js';

/** Verified keys remembered by hash, so that a call costs one SHA-256 and no statement. */
const MAX_REMEMBERED = 10_000;
/** Longer than any key of ours; nothing longer is hashed. */
const MAX_KEY_LENGTH = 512;

const BOOTSTRAP = 'bootstrap';

/** Says who is calling from the credentials of a request. */
@Injectable()
export class Authenticator implements OnModuleInit, OnModuleDestroy {
  /** By the hash of a key, and by the id of a credential. */
  private remembered = new Map<string, Caller>();
  private stopWatching = (): void => undefined;

  constructor(
    private readonly keys: ApiKeysService,
    private readonly bootstrap: BootstrapKey,
    private readonly revisions: Revisions,
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
   * @throws DomainError unauthenticated
   */
  authenticate(headers: IncomingHttpHeaders): Caller | Promise<Caller> {
    const key = shownKey(headers);
    const hash = hashKey(key);
    return this.remembered.get(hash) ?? this.verify(key, hash);
  }

  /**
   * Whoever showed this credential earlier, when something that was made for them then is shown now.
   * @throws DomainError unauthenticated when the credential has been revoked since
   */
  async recall(keyId: string): Promise<Caller> {
    const remembered = this.remembered;
    const name = `id:${keyId}`;
    const known = remembered.get(name);
    if (known !== undefined) return known;
    const isActive = keyId === BOOTSTRAP ? this.bootstrap.exists : await this.keys.isActive(keyId);
    if (!isActive) throw new DomainError('unauthenticated', 'The API key was revoked');
    return remember(remembered, name, callerWith(keyId));
  }

  private async verify(key: string, hash: string): Promise<Caller> {
    const remembered = this.remembered; // a revocation meanwhile replaces the map, and this answer is not kept
    const keyId = this.bootstrap.matches(hash) ? BOOTSTRAP : (await this.keys.findActive(key))?.id;
    if (keyId === undefined) throw new DomainError('unauthenticated', 'The API key is unknown or revoked');
    return remember(remembered, hash, callerWith(keyId));
  }
}

function callerWith(keyId: string): Caller {
  const roles = ['admin'] as const;
  const id = keyId === BOOTSTRAP ? 'admin' : `key:${keyId}`;
  return { id, keyId, roles, groups: [], permissions: permissionsOf(roles) };
}

function remember(callers: Map<string, Caller>, name: string, caller: Caller): Caller {
  if (callers.size >= MAX_REMEMBERED) callers.clear();
  callers.set(name, caller);
  return caller;
}

function shownKey(headers: IncomingHttpHeaders): string {
  const bearer = headers.authorization;
  if (bearer !== undefined && !/^bearer /i.test(bearer))
    throw new DomainError('unauthenticated', 'Authorization: expected "Bearer <API key>"');
  const key = bearer?.slice('bearer '.length).trim() ?? headers['x-api-key'];
  if (typeof key !== 'string' || key === '')
    throw new DomainError('unauthenticated', 'Send an API key: "Authorization: Bearer <key>" or "X-API-Key: <key>"');
  if (key.length > MAX_KEY_LENGTH)
    throw new DomainError('unauthenticated', 'The API key is too long to be one of ours');
  return key;
}
