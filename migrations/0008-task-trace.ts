import type { MigrationInterface, QueryRunner } from 'typeorm';

export class TaskTrace1763800000008 implements MigrationInterface {
  readonly name = 'TaskTrace1763800000008';

  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table tasks add column trace text');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('alter table tasks drop column trace');
  }
}
