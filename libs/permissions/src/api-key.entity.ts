import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';

/** A credential of a program, a person or an agent. The key itself is shown once and never stored. */
@Entity('api_keys')
export class ApiKey {
  /** The public part of the key. */
  @PrimaryColumn('text', { primaryKeyConstraintName: 'pk_api_keys' })
  id: string;

  @Column('text')
  name: string;

  /** SHA-256 of the whole key, hex. */
  @Index('idx_api_keys_hash', { unique: true })
  @Column('text')
  hash: string;

  /** Who shows it; null: `key:<id>`, a principal of its own. */
  @Index('idx_api_keys_principal', { where: 'principal is not null' })
  @Column('text', { nullable: true })
  principal: string | null;

  @Column('text', { array: true, default: ['user'] })
  roles: string[];

  @Column('text', { array: true, default: [] })
  groups: string[];

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  /** To the minute. */
  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt: Date | null;

  /** A principal; null: before this was recorded. */
  @Column('text', { name: 'created_by', nullable: true })
  createdBy: string | null;

  /** The key that it was rotated to. */
  @Column('text', { name: 'replaced_by', nullable: true })
  replacedBy: string | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;
}
