import type { MigrationInterface, QueryRunner } from 'typeorm';

export class WorkflowSecrets1763800000016 implements MigrationInterface {
  readonly name = 'WorkflowSecrets1763800000016';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table workflow_secrets (
        name       text constraint pk_workflow_secrets primary key,
        sealed     text not null,
        created_by text not null,
        created_at timestamptz not null default now(),
        updated_by text not null,
        updated_at timestamptz not null default now()
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table workflow_secrets');
  }
}
