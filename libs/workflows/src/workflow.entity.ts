import type { Definition, Schedule } from '@app/dsl';
import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';

export const WORKFLOW_STATUSES = ['draft', 'active', 'disabled', 'archived'] as const;
export type WorkflowStatus = (typeof WORKFLOW_STATUSES)[number];

/** One version of a workflow. What it says never changes; its status does. */
@Entity('workflows')
@Unique('uq_workflows_name_version', ['name', 'version'])
export class Workflow {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_workflows' })
  id: string;

  @Column('text')
  namespace: string;

  @Column('text')
  name: string;

  @Column('text')
  version: string;

  /** Versions of a name in the order they came, from 1. */
  @Column('integer')
  position: number;

  @Index('idx_workflows_status')
  @Column('text')
  status: WorkflowStatus;

  @Column('text', { nullable: true })
  title: string | null;

  @Column('text', { nullable: true })
  summary: string | null;

  @Column('text', { array: true, default: [] })
  tags: string[];

  @Column('json')
  definition: Definition;

  /** As it was posted. */
  @Column('text')
  source: string;

  /** SHA-256 of the definition, hex. */
  @Column('text')
  digest: string;

  /** Principal whose rights scheduled runs have. */
  @Column('text', { name: 'created_by' })
  createdBy: string;

  @Column('text')
  credential: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt: Date;

  @Column('json', { nullable: true })
  schedule: Schedule | null;

  /** When its next run begins by schedule; null: never, or after the one that is under way. */
  @Index('idx_workflows_next_at', { where: 'next_at is not null' })
  @Column('timestamptz', { name: 'next_at', nullable: true })
  nextAt: Date | null;

  /** No run begins by schedule. */
  @Column('boolean', { default: false })
  paused: boolean;
}
