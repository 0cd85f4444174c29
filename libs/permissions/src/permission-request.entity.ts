import type { Permission } from '@app/core';
import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { TimeRange } from './grant.js';
import type { SelectorInput } from './grants.schemas.js';

/** Somebody asks for a permission. What it names is looked up when it is approved: asking tells nobody what there is. */
@Entity('permission_requests')
@Index('idx_permission_requests_principal', ['principal', 'id'])
export class PermissionRequestRow {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'BY DEFAULT',
    primaryKeyConstraintName: 'pk_permission_requests',
  })
  id: string;

  @Column('text')
  principal: string;

  @Column('text', { array: true })
  actions: Permission[];

  @Column('jsonb')
  resources: '*' | SelectorInput[];

  @Column('jsonb', { name: 'time_range', nullable: true })
  timeRange: TimeRange | null;

  /** Of the grant that is wanted. */
  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('text')
  reason: string;

  @Column('text', { default: 'pending' })
  state: 'pending' | 'approved' | 'denied';

  @Column('timestamptz', { name: 'request_expires_at' })
  requestExpiresAt: Date;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt: Date;

  @Column('text', { name: 'decided_by', nullable: true })
  decidedBy: string | null;

  @Column('timestamptz', { name: 'decided_at', nullable: true })
  decidedAt: Date | null;

  @Column('text', { name: 'decision_reason', nullable: true })
  decisionReason: string | null;

  @Column('bigint', { name: 'grant_id', nullable: true })
  grantId: string | null;
}
