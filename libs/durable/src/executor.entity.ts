import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One running process of the server; gone when it ends or is judged dead. */
@Entity('executors')
export class ExecutorRow {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'pk_executors' })
  id: string;

  /** As in `pg_stat_activity`: host and process. */
  @Column('text')
  name: string;

  /** Connections to PostgreSQL it may open. */
  @Column('integer')
  connections: number;

  @Column('timestamptz', { name: 'started_at', default: () => 'now()' })
  startedAt: Date;

  @Column('timestamptz', { name: 'beat_at', default: () => 'now()' })
  beatAt: Date;
}
