import type { MigrationInterface, QueryRunner } from 'typeorm';

export class TaskTraceState1763800000014 implements MigrationInterface {
  readonly name = 'TaskTraceState1763800000014';

  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table tasks add column trace_state text');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('alter table tasks drop column trace_state');
  }
}
