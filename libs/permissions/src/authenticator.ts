import type { IncomingHttpHeaders } from 'node:http';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { type Caller, DomainError, PERMISSIONS } from '@app/core';
import { Revisions } from '@app/database';
import { hashKey } from '@app/secrets';
import { API_KEYS_TOPIC, ApiKeysService } from './api-keys.service.js';
import { BootstrapKey } from './bootstrap-key.js';

/** Verified keys remembered by hash, so that a call costs one SHA-256 and no statement. */
const MAX_REMEMBERED = 10_000;
/** Longer than any key of ours; nothing longer is hashed. */
const MAX_KEY_LENGTH = 512;

const EVERYTHING = new Set(PERMISSIONS);

/** Says who is calling from the credentials of a request. */
@Injectable()
export class Authenticator implements OnModuleInit, OnModuleDestroy {
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

  private async verify(key: string, hash: string): Promise<Caller> {
    const remembered = this.remembered; // a revocation meanwhile replaces the map, and this answer is not kept
    const keyId = this.bootstrap.matches(hash) ? 'bootstrap' : (await this.keys.findActive(key))?.id;
    if (keyId === undefined) throw new DomainError('unauthenticated', 'The API key is unknown or revoked');
    const principal = keyId === 'bootstrap' ? 'admin' : `key:${keyId}`;
    const caller: Caller = { id: principal, keyId, permissions: EVERYTHING };
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(hash, caller);
    return caller;
  }
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
