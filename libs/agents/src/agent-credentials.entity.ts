import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { Agent } from './agent.entity.js';

/** What we show an agent, encrypted. Written, never read back through the API. */
@Entity('agent_credentials')
export class AgentCredentials {
  @PrimaryColumn('uuid', { name: 'agent_id', primaryKeyConstraintName: 'pk_agent_credentials' })
  agentId: string;

  @ManyToOne(() => Agent, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'agent_id', foreignKeyConstraintName: 'fk_agent_credentials_agent' })
  agent?: Relation<Agent>;

  /** `AgentSecrets` as JSON, encrypted with the key ring. */
  @Column('text')
  sealed: string;
}
