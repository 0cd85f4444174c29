import { Audit } from '@app/audit';
import { type Caller, DomainError, isJsonObject } from '@app/core';
import { KeyRing } from '@app/secrets';
import { type Page, pageOf, startAfter } from '@app/web';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { MoreThan, Repository } from 'typeorm';
import { WorkflowSecretRow } from './workflow-secret.entity.js';
import { MAX_VALUE_BYTES, type SecretInput, type SecretQuery, type SecretView } from './workflow-secrets.schemas.js';

const PURPOSE = 'workflow-secrets';
/** A list that nobody can survey hides the one that should be gone. */
const MAX_SECRETS = 1_000;

/** What workflows show to others, encrypted: set and removed by administrators, read by nobody but the engine. */
@Injectable()
export class WorkflowSecrets {
  constructor(
    @InjectRepository(WorkflowSecretRow) private readonly rows: Repository<WorkflowSecretRow>,
    private readonly keyRing: KeyRing,
    private readonly audit: Audit,
  ) {}

  /** Replaces what there was. @throws DomainError too_large; conflict (too many) */
  async set(caller: Caller, name: string, { value }: SecretInput): Promise<SecretView> {
    if (Buffer.byteLength(JSON.stringify(value)) > MAX_VALUE_BYTES)
      throw new DomainError('too_large', `value: expected at most ${MAX_VALUE_BYTES} bytes of JSON`);
    const sealed = this.keyRing.encrypt(PURPOSE, JSON.stringify({ name, value }));
    return this.rows.manager.transaction(async (manager) => {
      await manager.query(
        `insert into workflow_secrets (name, sealed, created_by, updated_by) values ($1, $2, $3, $3)
         on conflict (name) do update set sealed = excluded.sealed, updated_by = excluded.updated_by, updated_at = now()`,
        [name, sealed, caller.id],
      );
      if ((await manager.count(WorkflowSecretRow)) > MAX_SECRETS)
        throw new DomainError('conflict', `There are ${MAX_SECRETS} secrets already; remove some first`);
      await this.audit.change(manager, caller, 'secrets.set', { subject: name });
      return viewOf(await manager.findOneByOrFail(WorkflowSecretRow, { name }));
    });
  }

  /** By name; never the values. */
  async list({ page_size: size, page_token: token }: SecretQuery): Promise<Page<SecretView>> {
    const rows = await this.rows.find({
      select: { name: true, createdBy: true, createdAt: true, updatedBy: true, updatedAt: true },
      where: token === undefined ? {} : { name: MoreThan(startAfter(token)) },
      order: { name: 'ASC' },
      take: size + 1,
    });
    const page = pageOf(rows, size, ({ name }) => name);
    return { ...page, items: page.items.map(viewOf) };
  }

  /** @throws DomainError not_found */
  async remove(caller: Caller, name: string): Promise<void> {
    await this.rows.manager.transaction(async (manager) => {
      const { affected } = await manager.delete(WorkflowSecretRow, { name });
      if (!affected) throw new DomainError('not_found', `No secret named ${name}`);
      await this.audit.change(manager, caller, 'secrets.remove', { subject: name });
    });
  }

  /**
   * The value as it is now, on whichever replica it was set: one read by primary key, no copy in memory.
   * @returns undefined: there is none of that name
   * @throws DomainError unavailable when the key it was encrypted with is gone, or the row was altered
   */
  async read(name: string): Promise<unknown> {
    const row = await this.rows.findOne({ select: { name: true, sealed: true }, where: { name } });
    return row === null ? undefined : this.open(row);
  }

  /** Whether there is a secret of this name. */
  exists(name: string): Promise<boolean> {
    return this.rows.existsBy({ name });
  }

  /** Encrypts with the first key of the ring what is not yet, so that older keys can go. @returns how many were */
  async reseal(): Promise<{ readonly resealed: number; readonly unreadable: readonly string[] }> {
    const unreadable: string[] = [];
    let resealed = 0;
    for (const row of await this.rows.find({ select: { name: true, sealed: true } })) {
      if (this.keyRing.isSealedWithFirst(row.sealed)) continue;
      const value = this.tryToOpen(row);
      if (value === undefined) unreadable.push(row.name);
      else
        resealed += await this.replace(row, this.keyRing.encrypt(PURPOSE, JSON.stringify({ name: row.name, value })));
    }
    return { resealed, unreadable };
  }

  /** Only what nobody has changed since. */
  private async replace({ name, sealed }: WorkflowSecretRow, fresh: string): Promise<number> {
    const { affected } = await this.rows.update({ name, sealed }, { sealed: fresh });
    return affected ?? 0;
  }

  private open({ name, sealed }: WorkflowSecretRow): unknown {
    try {
      const opened = JSON.parse(this.keyRing.decrypt(PURPOSE, sealed)) as unknown;
      if (isJsonObject(opened) && opened.name === name) return opened.value;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : 'it cannot be decrypted';
      throw new DomainError('unavailable', `The secret ${name} does not open: ${why}`, { cause });
    }
    throw new DomainError('unavailable', `The secret ${name} does not open: it was stored under another name`);
  }

  private tryToOpen(row: WorkflowSecretRow): unknown {
    try {
      return this.open(row);
    } catch {
      return undefined;
    }
  }
}

const viewOf = ({ name, createdBy, createdAt, updatedBy, updatedAt }: WorkflowSecretRow): SecretView => ({
  name,
  createdBy,
  createdAt: createdAt.toISOString(),
  updatedBy,
  updatedAt: updatedAt.toISOString(),
});
