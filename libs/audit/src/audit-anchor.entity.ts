import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Head } from './audit-chain.js';

/** Joins the chains of all processes, once a minute. Kept for ever: retention refers to them. */
@Entity('audit_anchors')
export class AuditAnchorRow {
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'pk_audit_anchors' })
  seq: number;

  @Column({ type: 'timestamptz', precision: 3 })
  at: Date;

  @Column('json')
  heads: Head[];

  /** The highest `audit_log.id` that was there. */
  @Column('bigint')
  upto: string;

  @Column('text')
  kid: string;

  @Column('text')
  mac: string;
}
