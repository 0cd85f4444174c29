import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Part, TaskState } from '@app/a2a';
import type { InboxMessage } from './task-row.js';
import type { TaskError } from './task-event.js';

/** One durable piece of work. Read and written by the statements in `sql-*.ts`. */
@Entity('tasks')
@Index('idx_tasks_principal', ['principal', 'id'])
@Index('idx_tasks_busy', ['principal'], { where: 'rested_at is null' })
@Index('idx_tasks_due', ['kind', 'dueAt'], { where: 'due_at is not null' })
@Index('idx_tasks_session', ['sessionId', 'agent', 'id'], { where: 'session_id is not null' })
@Index('idx_tasks_idempotency', ['principal', 'idempotency'], { unique: true, where: 'idempotency is not null' })
export class Task {
  /** UUIDv7: sorts by creation. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_tasks' })
  id: string;

  @Column('text', { default: 'agent' })
  kind: string;

  @Column('text')
  principal: string;

  @Column('text')
  agent: string;

  @Column('text', { nullable: true })
  skill: string | null;

  @Column('uuid', { name: 'session_id', nullable: true })
  sessionId: string | null;

  /** Hash of tool and idempotency key. */
  @Column('text', { nullable: true })
  idempotency: string | null;

  @Column('text', { name: 'input_hash', nullable: true })
  inputHash: string | null;

  @Column('text')
  state: TaskState;

  @Index('idx_tasks_context', { type: 'hash' })
  @Column('text', { name: 'context_id', nullable: true })
  contextId: string | null;

  /** The agent's own id of this task. */
  @Column('text', { name: 'upstream_id', nullable: true })
  upstreamId: string | null;

  /** The agent has given a sign of life since the first message of the inbox was sent. */
  @Column('boolean', { default: false })
  heard: boolean;

  /** What is to be said to the agent, in order; the first is being said. */
  @Column('jsonb')
  inbox: InboxMessage[];

  /** `traceparent` of the request that began it (W3C Trace Context). */
  @Column('text', { nullable: true })
  trace: string | null;

  /** The `tracestate` beside it. */
  @Column('text', { name: 'trace_state', nullable: true })
  traceState: string | null;

  /** Message, history and artifacts are those after event `folded_seq`; later events complete them. */
  @Column('json', { nullable: true })
  message: Part[] | null;

  @Column('json', { default: [] })
  history: Part[][];

  @Column('json', { nullable: true })
  error: TaskError | null;

  @Column('integer', { name: 'last_seq', default: 0 })
  lastSeq: number;

  @Column('integer', { name: 'folded_seq', default: 0 })
  foldedSeq: number;

  /** Events before this one were dropped. */
  @Column('integer', { name: 'kept_from', default: 1 })
  keptFrom: number;

  /** Owner: null when nobody works on it. */
  @Index('idx_tasks_executor', { where: 'executor is not null' })
  @Column('uuid', { nullable: true })
  executor: string | null;

  /** Counts the owners. */
  @Column('integer', { default: 0 })
  epoch: number;

  /** How often the message being said was taken up. */
  @Column('integer', { default: 0 })
  attempts: number;

  /** The run of a workflow that it is a step of. */
  @Index('idx_tasks_parent', { where: 'parent is not null' })
  @Column('uuid', { nullable: true })
  parent: string | null;

  /** Of a run: something happened that its owner has not looked at yet. */
  @Column('boolean', { default: false })
  woken: boolean;

  /** When somebody is to take it up; null while it is owned or at rest. */
  @Column('timestamptz', { name: 'due_at', nullable: true })
  dueAt: Date | null;

  @Column('timestamptz')
  deadline: Date;

  @Column('timestamptz', { name: 'cancel_requested_at', nullable: true })
  cancelRequestedAt: Date | null;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt: Date;

  @Column('timestamptz', { name: 'updated_at', default: () => 'now()' })
  updatedAt: Date;

  /** Since when it waits or is over; null while it is worked on. */
  @Index('idx_tasks_rested', { where: 'rested_at is not null' })
  @Column('timestamptz', { name: 'rested_at', nullable: true })
  restedAt: Date | null;

  @Index('idx_tasks_finished', { where: 'finished_at is not null and kept_from = 1' })
  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt: Date | null;
}
