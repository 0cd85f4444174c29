import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** What a run waits for that others bring: an answer of a person, or events. */
@Entity('workflow_waits')
@Index('idx_workflow_waits_open', ['createdAt', 'id'], { where: `kind = 'human' and closed_at is null` })
@Index('idx_workflow_waits_kind', ['kind', 'runId'], { where: 'closed_at is null' })
export class WorkflowWaitRow {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_workflow_waits' })
  id: string;

  @Index('idx_workflow_waits_run')
  @Column('uuid', { name: 'run_id' })
  runId: string;

  @Column('text')
  frame: string;

  /** `human` or `event`. */
  @Column('text')
  kind: string;

  /** Of a question: `{task, prompt, schema?, step?}`, with the id of the step whose agent asked it. */
  @Column('json')
  body: Record<string, unknown>;

  /** Who may answer: `principal:…`, `role:…`, `group:…`; null: who started the run. And always who may write the workflow. */
  @Column('text', { array: true, nullable: true })
  assignees: string[] | null;

  /** What is looked at in an event to tell whether it concerns this wait. */
  @Column('text', { array: true, nullable: true })
  patterns: string[] | null;

  /** What is found there in those that do. */
  @Index('idx_workflow_waits_keys', { type: 'gin', where: `kind = 'event' and closed_at is null` })
  @Column('text', { array: true, nullable: true })
  keys: string[] | null;

  /** What came before it was opened has been looked at. */
  @Column('boolean', { default: false })
  looked: boolean;

  /** Positions in the inbox of what came since. */
  @Column('bigint', { array: true, default: [] })
  offered: string[];

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt: Date;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('json', { nullable: true })
  answer: unknown;

  @Column('text', { name: 'answered_by', nullable: true })
  answeredBy: string | null;

  @Column('timestamptz', { name: 'answered_at', nullable: true })
  answeredAt: Date | null;

  @Column('timestamptz', { name: 'closed_at', nullable: true })
  closedAt: Date | null;
}
