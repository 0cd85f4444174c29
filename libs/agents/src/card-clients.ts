import { Injectable } from '@nestjs/common';
import { A2aClient, type FetchedCard } from '@app/a2a';
import type { Agent } from './agent.entity.js';
import { AgentSecrets } from './agent-secrets.js';

/** Fetches cards with the agent's own credentials. */
@Injectable()
export class CardClients {
  constructor(
    private readonly a2a: A2aClient,
    private readonly secrets: AgentSecrets,
  ) {}

  /** Undefined: not modified. */
  async refetch(
    { id, cardUrl, cardEtag }: Pick<Agent, 'id' | 'cardUrl' | 'cardEtag'>,
    signal: AbortSignal,
  ): Promise<FetchedCard | undefined> {
    const secrets = await this.secrets.load(id);
    return this.a2a.refetch({ url: cardUrl ?? '', etag: cardEtag ?? undefined }, { ...secrets, signal });
  }
}
