import { isDeepStrictEqual } from 'node:util';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import type { FetchedCard } from '@app/a2a';
import { Config } from '@app/config';
import { DomainError } from '@app/core';
import { Log } from '@app/telemetry';
import { AgentDirectory } from './agent-directory.js';
import { Agent } from './agent.entity.js';
import { CardClients } from './card-clients.js';
import { cardFields, type Columns } from './agents.service.js';

const CHECK_EVERY_MS = 5_000;
const BATCH = 20;
const FETCH_TIMEOUT_MS = 15_000;

/** Fetches cards again when they are due, each by one replica; the last good card stays when that fails. */
@Injectable()
export class CardRefresher implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Log('CardRefresher');
  private readonly ended = new AbortController();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @InjectRepository(Agent) private readonly agents: Repository<Agent>,
    private readonly clients: CardClients,
    private readonly directory: AgentDirectory,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.refreshDue(), CHECK_EVERY_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
    this.ended.abort();
  }

  /** Now, for a caller who asks. @throws DomainError when the card cannot be fetched or is none */
  async refresh(agent: Agent, signal: AbortSignal): Promise<Agent> {
    if (agent.cardUrl === null)
      throw new DomainError('invalid', `${agent.slug} was registered with a card; there is no URL to refresh it from`);
    const fetched = await this.clients.refetch(
      agent,
      AbortSignal.any([signal, this.ended.signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]),
    );
    if (fetched === undefined || isDeepStrictEqual(fetched.raw, agent.rawCard))
      await recordFetch(this.agents, agent.id, null);
    else await this.replaceCard(agent.id, fetched);
    return this.agents.findOneByOrFail({ id: agent.id });
  }

  private async replaceCard(id: string, fetched: FetchedCard): Promise<void> {
    await this.agents.manager.transaction(async (manager) => {
      await manager.update(Agent, { id }, { ...cardFields(fetched), refreshedAt: new Date() } as Columns);
      await this.directory.bump(manager);
    });
    await this.directory.changed('refresh');
  }

  private async refreshDue(): Promise<void> {
    try {
      const due = await claimDue(this.agents, this.config.agents.refreshMs);
      await Promise.all(due.map((agent) => this.refreshOne(agent)));
    } catch (error) {
      this.log.warn('Cards could not be refreshed', { cause: error });
    }
  }

  private async refreshOne(agent: Agent): Promise<void> {
    try {
      await this.refresh(agent, this.ended.signal);
    } catch (error) {
      if (this.ended.signal.aborted) return;
      const reason = error instanceof DomainError ? error.message : String(error);
      this.log.warn('A card could not be refreshed; the last good one stays', { agent: agent.slug, reason });
      await recordFetch(this.agents, agent.id, reason);
    }
  }
}

/** Takes what is due, so that no other replica does; a little randomness keeps agents from being asked all at once. */
async function claimDue(agents: Repository<Agent>, everyMs: number): Promise<Agent[]> {
  const [rows] = (await agents.query(
    `update agents set refreshed_at = now() + random() * 0.1 * $1 * interval '1 ms'
     where id in (
       select id from agents
       where enabled and card_url is not null and refreshed_at <= now() - $1 * interval '1 ms'
       order by refreshed_at limit ${BATCH} for update skip locked)
     returning id`,
    [everyMs],
  )) as [{ id: string }[], number];
  return Promise.all(rows.map(({ id }) => agents.findOneByOrFail({ id })));
}

/** Not a change that callers notice: the version stays. */
async function recordFetch(agents: Repository<Agent>, id: string, error: string | null): Promise<void> {
  await agents.query(
    `update agents set refresh_error = $2, refreshed_at = now(),
       card_fetched_at = case when $2::text is null then now() else card_fetched_at end
     where id = $1`,
    [id, error],
  );
}
