import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a workflow may use and nobody may read, encrypted. Written, never read back through the API. */
@Entity('workflow_secrets')
export class WorkflowSecretRow {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'pk_workflow_secrets' })
  name: string;

  /** `{name, value}` as JSON, encrypted with the key ring; the name is in it, so that rows cannot be exchanged. */
  @Column('text')
  sealed: string;

  @Column('text', { name: 'created_by' })
  createdBy: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt: Date;

  @Column('text', { name: 'updated_by' })
  updatedBy: string;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt: Date;
}
