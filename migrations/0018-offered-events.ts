import type { MigrationInterface, QueryRunner } from 'typeorm';

export class OfferedEvents1763800000018 implements MigrationInterface {
  readonly name = 'OfferedEvents1763800000018';

  async up(db: QueryRunner): Promise<void> {
    // offered: what came since, so that nobody goes through all events of a type for one of them.
    await db.query(`
      alter table workflow_waits
        add column looked  boolean not null default false,
        add column offered bigint[] not null default '{}'`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('alter table workflow_waits drop column looked, drop column offered');
  }
}
