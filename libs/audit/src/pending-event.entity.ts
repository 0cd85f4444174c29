import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import type { AuditEvent } from './audit-event.js';

/** An event that was written with what it is about, and is sealed a moment later. */
@Entity('audit_pending')
export class PendingEventRow {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'BY DEFAULT',
    primaryKeyConstraintName: 'pk_audit_pending',
  })
  id: string;

  @Column('timestamptz', { default: () => 'now()' })
  at: Date;

  @Column('json')
  body: AuditEvent;
}
