import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Revisions1763800000001 implements MigrationInterface {
  readonly name = 'Revisions1763800000001';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      create table revisions (
        topic    text not null constraint pk_revisions primary key,
        revision bigint not null
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table revisions');
  }
}
