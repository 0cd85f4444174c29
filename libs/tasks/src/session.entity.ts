import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** A conversation of one principal: which context it has with each agent. */
@Entity('sessions')
@Index('idx_sessions_principal', ['principal', 'createdAt', 'id'])
export class Session {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_sessions' })
  id: string;

  @Column('text')
  principal: string;

  /** The A2A contextId by slug of the agent. */
  @Column('jsonb', { default: {} })
  contexts: Record<string, string>;

  /** Grows with every change, so that an older copy cannot replace a newer one. */
  @Column('integer', { default: 1 })
  version: number;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt: Date;

  /** Moved on at most once a minute. */
  @Index('idx_sessions_last_used_at')
  @Column('timestamptz', { name: 'last_used_at', default: () => 'now()' })
  lastUsedAt: Date;

  @Column('timestamptz', { name: 'closed_at', nullable: true })
  closedAt: Date | null;
}
