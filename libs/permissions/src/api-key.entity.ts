import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';

/** A credential of a program or a person. The key itself is shown once and never stored. */
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

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;
}
