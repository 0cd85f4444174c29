import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ApiKeyHolders1763800000010 implements MigrationInterface {
  readonly name = 'ApiKeyHolders1763800000010';

  async up(db: QueryRunner): Promise<void> {
    // Keys made until now could do everything, and keep that; keys made from now on are told what they may do.
    await db.query(`
      alter table api_keys
        add column principal    text,
        add column roles        text[] not null default '{admin}',
        add column groups       text[] not null default '{}',
        add column expires_at   timestamptz,
        add column last_used_at timestamptz,
        add column created_by   text,
        add column replaced_by  text`);
    await db.query(`alter table api_keys alter column roles set default '{user}'`);
    await db.query('create index idx_api_keys_principal on api_keys (principal) where principal is not null');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop index idx_api_keys_principal');
    await db.query(`
      alter table api_keys
        drop column principal, drop column roles, drop column groups, drop column expires_at,
        drop column last_used_at, drop column created_by, drop column replaced_by`);
  }
}
