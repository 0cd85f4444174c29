import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** Somebody who may not come in: a principal, or a network. */
@Entity('blocked_clients')
export class BlockedClientRow {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'BY DEFAULT',
    primaryKeyConstraintName: 'pk_blocked_clients',
  })
  id: string;

  @Column('text', { nullable: true })
  principal: string | null;

  /** CIDR. */
  @Column('text', { nullable: true })
  network: string | null;

  @Column('text', { nullable: true })
  reason: string | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('text', { name: 'created_by' })
  createdBy: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt: Date;
}
