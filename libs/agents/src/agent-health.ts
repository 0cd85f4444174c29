import { Injectable } from '@nestjs/common';
import { Cache } from '@app/cache';
import { DomainError } from '@app/core';
import type { Agent } from './agent.entity.js';
import type { AgentHealthView } from './agents.schemas.js';
import { CardClients } from './card-clients.js';

/** An agent is asked at most this often, however many people look. */
const REMEMBER_MS = 5_000;
const TIMEOUT_MS = 5_000;

/** Is the agent there? Asked by fetching its card, the cheapest request every agent answers. */
@Injectable()
export class AgentHealth {
  constructor(
    private readonly cache: Cache,
    private readonly clients: CardClients,
  ) {}

  check(agent: Agent): Promise<AgentHealthView> {
    return this.cache.wrap(`agent-health:${agent.id}:${agent.version}`, REMEMBER_MS, () => this.ask(agent));
  }

  private async ask(agent: Agent): Promise<AgentHealthView> {
    const started = performance.now();
    const detail = await this.problem(agent);
    const latencyMs = Math.round(performance.now() - started);
    return {
      state: detail === undefined ? 'up' : 'down',
      latencyMs,
      checkedAt: new Date().toISOString(),
      ...(detail && { detail }),
    };
  }

  private async problem(agent: Agent): Promise<string | undefined> {
    try {
      const url = agent.cardUrl ?? agent.card.interfaces[0]?.url ?? '';
      await this.clients.refetch(
        { id: agent.id, cardUrl: url, cardEtag: agent.cardEtag },
        AbortSignal.timeout(TIMEOUT_MS),
      );
      return undefined;
    } catch (error) {
      if (error instanceof DomainError) return error.message;
      if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS} ms`;
      throw error;
    }
  }
}
