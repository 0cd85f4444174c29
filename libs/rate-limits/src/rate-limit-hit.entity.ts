import { Column, Entity, PrimaryColumn } from 'typeorm';

const primaryKeyConstraintName = 'pk_rate_limit_hits';

/** How often somebody met a limit in one minute, on all replicas. */
@Entity('rate_limit_hits')
export class RateLimitHitRow {
  @PrimaryColumn('timestamptz', { primaryKeyConstraintName })
  minute: Date;

  @PrimaryColumn('text', { name: 'limit_name', primaryKeyConstraintName })
  limit: string;

  /** A principal, or the address of somebody without one. */
  @PrimaryColumn('text', { primaryKeyConstraintName })
  client: string;

  /** Slug; empty when no agent was to be called. */
  @PrimaryColumn('text', { primaryKeyConstraintName })
  agent: string;

  @Column('integer')
  hits: number;
}
