import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { ChainedEvent } from './audit-chain.js';

const primaryKeyConstraintName = 'pk_audit_log';

/** What somebody did or tried, sealed. Never changed; removed only by retention. */
@Entity('audit_log')
@Index('idx_audit_log_principal', ['principal', 'id'])
export class AuditRow implements ChainedEvent {
  /** The order of lists; the chain has its own. */
  @Index('idx_audit_log_id', { unique: true })
  @Column({ type: 'bigint', generated: 'identity', generatedIdentity: 'BY DEFAULT' })
  id: string;

  /** One for each run of a process. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName })
  chain: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName })
  seq: number;

  @Index('idx_audit_log_at')
  @Column({ type: 'timestamptz', precision: 3 })
  at: Date;

  @Column('text')
  kind: string;

  @Column('text')
  action: string;

  @Column('text')
  outcome: string;

  @Column('text', { nullable: true })
  principal: string | null;

  @Column('text', { name: 'key_id', nullable: true })
  keyId: string | null;

  @Column('text', { nullable: true })
  address: string | null;

  @Column('text', { nullable: true })
  agent: string | null;

  @Column('text', { nullable: true })
  skill: string | null;

  @Column('text', { nullable: true })
  subject: string | null;

  @Column('text', { nullable: true })
  detail: string | null;

  /** Which key of the key ring. */
  @Column('text')
  kid: string;

  @Column('text')
  mac: string;
}
