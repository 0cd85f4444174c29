import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import type { Frame, Problem, Undo } from './frame.js';

/** How a run ends when everything is undone. */
export type Ending = { readonly problem: Problem } | { readonly canceled: true };

/** What a run is beside the task of the same id. */
@Entity('workflow_runs')
@Index('idx_workflow_runs_workflow', ['workflowId', 'runId'])
export class WorkflowRunRow {
  @PrimaryColumn('uuid', { name: 'run_id', primaryKeyConstraintName: 'pk_workflow_runs' })
  runId: string;

  /** The version it goes by to its end. */
  @Column('uuid', { name: 'workflow_id' })
  workflowId: string;

  /** Of who started it: it acts with their rights. */
  @Column('text')
  credential: string;

  @Column('text', { nullable: true })
  address: string | null;

  @Column('json', { nullable: true })
  input: unknown;

  /** `$context`. */
  @Column('json', { nullable: true })
  context: unknown;

  /** Completed tasks that are to be undone if it fails, in the order they were done. */
  @Column('json', { default: [] })
  undo: Undo[];

  @Column('timestamptz', { name: 'paused_at', nullable: true })
  pausedAt: Date | null;

  /** It has failed or was canceled, and its completed tasks are being undone. */
  @Column('json', { nullable: true })
  ending: Ending | null;

  /** Some of its completed tasks were undone. */
  @Column('boolean', { default: false })
  undone: boolean;

  /** Positions in the inbox of the events that it took. */
  @Column('json', { default: [] })
  consumed: number[];

  /** The run whose work it goes on with. */
  @Column('uuid', { nullable: true })
  continues: string | null;

  /** The time of the schedule that it was begun for. */
  @Column('timestamptz', { name: 'scheduled_for', nullable: true })
  scheduledFor: Date | null;
}

/** One thread of a run. */
@Entity('workflow_frames')
export class WorkflowFrameRow {
  @PrimaryColumn('uuid', { name: 'run_id', primaryKeyConstraintName: 'pk_workflow_frames' })
  runId: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'pk_workflow_frames' })
  id: string;

  @Column('json')
  body: Frame;
}

/** What some open `listen` looks at in events. */
@Entity('workflow_patterns')
export class EventPatternRow {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'pk_workflow_patterns' })
  pattern: string;
}

/** An event that came, until it is old. */
@Entity('workflow_inbox')
@Unique('uq_workflow_inbox_source_id', ['source', 'id'])
export class InboxEventRow {
  @PrimaryColumn('bigint', {
    generated: 'identity',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'pk_workflow_inbox',
  })
  position: string;

  @Column('text')
  source: string;

  @Column('text')
  id: string;

  @Column('text')
  type: string;

  /** CloudEvents 1.0. */
  @Column('json')
  event: Record<string, unknown>;

  @Column('text', { name: 'sent_by' })
  sentBy: string;

  /** Whoever listens for it was woken. */
  @Column('boolean', { default: false })
  delivered: boolean;

  @Index('idx_workflow_inbox_received_at')
  @Index('idx_workflow_inbox_undelivered', { where: 'not delivered' })
  @Column('timestamptz', { name: 'received_at', default: () => 'now()' })
  receivedAt: Date;
}
