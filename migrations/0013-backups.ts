import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the backup job writes when a dump is whole and in its place; the server tells Prometheus. */
export class Backups1763800000013 implements MigrationInterface {
  readonly name = 'Backups1763800000013';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table backups (
        finished_at timestamptz not null default now() constraint pk_backups primary key,
        bytes       bigint not null constraint backups_not_empty check (bytes > 0)
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table backups');
  }
}
