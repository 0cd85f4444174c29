import { Column, CreateDateColumn, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { JsonObject } from '@app/core';

/** What a client told one replica and another waits for: an answer to a question, or a cancel. */
@Entity('relayed_messages')
export class RelayedMessage {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', primaryKeyConstraintName: 'pk_relayed_messages' })
  id: string;

  @Column('text')
  kind: 'response' | 'cancel';

  @Column('jsonb')
  body: JsonObject;

  @Index('idx_relayed_messages_created_at')
  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;
}
