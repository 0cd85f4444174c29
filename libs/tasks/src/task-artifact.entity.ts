import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Artifact } from '@app/a2a';

@Entity('task_artifacts')
export class TaskArtifact {
  @PrimaryColumn('uuid', { name: 'task_id', primaryKeyConstraintName: 'pk_task_artifacts' })
  taskId: string;

  /** In the agent's order, from 0. */
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'pk_task_artifacts' })
  position: number;

  @Column('json')
  body: Artifact;
}
