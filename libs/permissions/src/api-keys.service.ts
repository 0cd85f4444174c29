import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, MoreThan, Repository } from 'typeorm';
import { DomainError } from '@app/core';
import { Revisions } from '@app/database';
import { hashKey } from '@app/secrets';
import { type Page, pageOf, type PageQuery, startAfter } from '@app/web';
import { ApiKey } from './api-key.entity.js';
import type { ApiKeyView, CreatedApiKey, NewApiKey } from './api-keys.schemas.js';

/** Changes whenever a key is made or revoked, on any replica. */
export const API_KEYS_TOPIC = 'api_keys';

/** API keys as rows: made, listed, revoked, found by what a caller shows. */
@Injectable()
export class ApiKeysService {
  constructor(
    @InjectRepository(ApiKey) private readonly keys: Repository<ApiKey>,
    private readonly revisions: Revisions,
  ) {}

  async create({ name }: NewApiKey): Promise<CreatedApiKey> {
    const id = randomBytes(8).toString('hex');
    const key = `a2a_${id}_${randomBytes(32).toString('base64url')}`;
    const row = await this.keys.save({ id, name, hash: hashKey(key), revokedAt: null });
    return { ...viewOf(row), key };
  }

  async list({ page_size: size, page_token: token }: PageQuery): Promise<Page<ApiKeyView>> {
    const rows = await this.keys.find({
      where: token === undefined ? {} : { id: MoreThan(startAfter(token)) },
      order: { id: 'ASC' },
      take: size + 1,
    });
    const page = pageOf(rows, size, (row) => row.id);
    return { ...page, items: page.items.map(viewOf) };
  }

  /** From now on (other replicas: within a second) the key opens nothing. */
  async revoke(id: string): Promise<void> {
    await this.keys.manager.transaction(async (manager) => {
      const { affected } = await manager.update(ApiKey, { id, revokedAt: IsNull() }, { revokedAt: new Date() });
      if (!affected) throw new DomainError('not_found', `No API key ${id} that could be revoked`);
      await this.revisions.bump(manager, API_KEYS_TOPIC);
    });
    await this.revisions.check();
  }

  isActive(id: string): Promise<boolean> {
    return this.keys.existsBy({ id, revokedAt: IsNull() });
  }

  findActive(key: string): Promise<ApiKey | null> {
    return this.keys.findOneBy({ hash: hashKey(key), revokedAt: IsNull() });
  }
}

function viewOf({ id, name, createdAt, revokedAt }: ApiKey): ApiKeyView {
  return { id, name, createdAt: createdAt.toISOString(), revokedAt: revokedAt?.toISOString() ?? null };
}
