import type { MigrationInterface, QueryRunner } from 'typeorm';

/** So that runs that wait are counted without reading them. */
export class WaitingRuns1763800000017 implements MigrationInterface {
  readonly name = 'WaitingRuns1763800000017';

  async up(db: QueryRunner): Promise<void> {
    await db.query('create index idx_workflow_waits_kind on workflow_waits (kind, run_id) where closed_at is null');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop index idx_workflow_waits_kind');
  }
}
