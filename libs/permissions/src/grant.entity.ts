import type { Permission } from '@app/core';
import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { Effect, Grant, Selector, TimeRange } from './grant.js';

/** A permission given to a principal or a group, or taken from it. Revoked ones stay, to show what was. */
@Entity('grants')
@Index('idx_grants_subject', ['subjectKind', 'subject'], { where: 'revoked_at is null' })
export class GrantRow implements Grant {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'BY DEFAULT',
    primaryKeyConstraintName: 'pk_grants',
  })
  id: string;

  @Column('text', { name: 'subject_kind' })
  subjectKind: 'principal' | 'group';

  @Column('text')
  subject: string;

  @Column('text')
  effect: Effect;

  @Column('text', { array: true })
  actions: Permission[];

  @Column('jsonb')
  resources: Selector[];

  @Column('jsonb', { name: 'time_range', nullable: true })
  timeRange: TimeRange | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('boolean', { default: false })
  delegable: boolean;

  @Column('text', { nullable: true })
  reason: string | null;

  /** The grant that was handed on; revoking that one revokes this one. */
  @Index('idx_grants_parent', { where: 'parent_id is not null' })
  @Column('bigint', { name: 'parent_id', nullable: true })
  parentId: string | null;

  @Column('text', { name: 'created_by' })
  createdBy: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt: Date;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;

  @Column('text', { name: 'revoked_by', nullable: true })
  revokedBy: string | null;

  @Column('text', { name: 'revoke_reason', nullable: true })
  revokeReason: string | null;
}
