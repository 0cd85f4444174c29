import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JsonObject } from '@app/core';

@Entity('task_events')
export class TaskEventRow {
  @PrimaryColumn('uuid', { name: 'task_id', primaryKeyConstraintName: 'pk_task_events' })
  taskId: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'pk_task_events' })
  seq: number;

  @Column('timestamptz')
  at: Date;

  @Column('text')
  kind: string;

  /** Of the body's shape. */
  @Column('smallint', { default: 1 })
  version: number;

  @Column('json')
  body: JsonObject;
}
