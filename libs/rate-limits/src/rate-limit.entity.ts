import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** Other limits than the usual ones: for a principal, for an agent, or for the two together. */
@Entity('rate_limits')
@Index('idx_rate_limits_subject', { synchronize: false })
export class RateLimitRow {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'BY DEFAULT',
    primaryKeyConstraintName: 'pk_rate_limits',
  })
  id: string;

  @Column('text', { nullable: true })
  principal: string | null;

  /** Slug. */
  @Column('text', { nullable: true })
  agent: string | null;

  @Column('integer', { name: 'per_minute', nullable: true })
  perMinute: number | null;

  @Column('integer', { nullable: true })
  burst: number | null;

  @Column('integer', { name: 'concurrent_tasks', nullable: true })
  concurrentTasks: number | null;

  @Column('integer', { name: 'request_bytes', nullable: true })
  requestBytes: number | null;

  @Column('text', { nullable: true })
  reason: string | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('text', { name: 'created_by' })
  createdBy: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt: Date;
}
