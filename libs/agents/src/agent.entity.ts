import {
  Column,
  CreateDateColumn,
  Entity,
  Index,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  VersionColumn,
} from 'typeorm';
import type { AgentCard } from '@app/a2a';
import type { JsonObject } from '@app/core';

export const RESEND = ['once', 'never'] as const;
export type Resend = (typeof RESEND)[number];

/** A remote A2A agent. */
@Entity('agents')
export class Agent {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_agents' })
  id: string;

  /** Names its tools; never changes. */
  @Index('idx_agents_slug', { unique: true })
  @Column('text')
  slug: string;

  @Column('text')
  name: string;

  @Column('text')
  description: string;

  @Index('idx_agents_category')
  @Column('text')
  category: string;

  @Index('idx_agents_tags', { type: 'gin' })
  @Column('text', { array: true, default: [] })
  tags: string[];

  @Column('boolean', { default: true })
  enabled: boolean;

  /** The card, normalised: what calls and tools are derived from. */
  @Column('jsonb')
  card: AgentCard;

  /** The card as it came; `json` keeps it as written. */
  @Column('json', { name: 'raw_card' })
  rawCard: JsonObject;

  /** Where the card is fetched again; null for a card given inline. */
  @Column('text', { name: 'card_url', nullable: true })
  cardUrl: string | null;

  @Column('text', { name: 'card_etag', nullable: true })
  cardEtag: string | null;

  @Column('timestamptz', { name: 'card_fetched_at' })
  cardFetchedAt: Date;

  /** When a replica last set out to fetch the card; claimed by moving it on. */
  @Index('idx_agents_refreshed_at')
  @Column('timestamptz', { name: 'refreshed_at', default: () => 'now()' })
  refreshedAt: Date;

  /** Why the last refresh failed; the last good card stays. */
  @Column('text', { name: 'refresh_error', nullable: true })
  refreshError: string | null;

  /** May a message be sent again when a replica died before the agent gave a sign of life? */
  @Column('text', { default: 'once' })
  resend: Resend;

  /** How many tasks one replica works on at once; null is without a limit. */
  @Column('integer', { name: 'max_concurrency', nullable: true })
  maxConcurrency: number | null;

  /** Grows with every change that callers can notice; the ETag. */
  @VersionColumn()
  version: number;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at' })
  updatedAt: Date;
}
