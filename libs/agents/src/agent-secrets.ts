import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, In } from 'typeorm';
import type { Credentials } from '@app/a2a';
import { KeyRing } from '@app/secrets';
import { AgentCredentials } from './agent-credentials.entity.js';

const PURPOSE = 'agent-credentials';

/** Everything about an agent that must not be shown. */
export interface Secrets {
  readonly credentials?: Credentials;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Keeps what we show agents, encrypted. */
@Injectable()
export class AgentSecrets {
  constructor(
    private readonly dataSource: DataSource,
    private readonly keyRing: KeyRing,
  ) {}

  async save(manager: EntityManager, agentId: string, secrets: Secrets): Promise<void> {
    if (secrets.credentials === undefined && secrets.headers === undefined) {
      await manager.delete(AgentCredentials, { agentId });
      return;
    }
    const sealed = this.keyRing.encrypt(PURPOSE, JSON.stringify(secrets));
    await manager.upsert(AgentCredentials, { agentId, sealed }, ['agentId']);
  }

  /** @param manager that of the transaction one is in, so that it needs no second connection */
  async load(agentId: string, manager?: EntityManager): Promise<Secrets> {
    return (await this.loadMany([agentId], manager)).get(agentId) ?? {};
  }

  async loadMany(agentIds: readonly string[], manager = this.dataSource.manager): Promise<Map<string, Secrets>> {
    const rows = await manager.findBy(AgentCredentials, { agentId: In(agentIds) });
    return new Map(
      rows.map(({ agentId, sealed }) => [agentId, JSON.parse(this.keyRing.decrypt(PURPOSE, sealed)) as Secrets]),
    );
  }
}
