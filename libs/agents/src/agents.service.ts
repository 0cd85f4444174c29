import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, type QueryDeepPartialEntity, Repository } from 'typeorm';
import { A2aClient, type Credentials, type FetchedCard } from '@app/a2a';
import { type Call, DomainError } from '@app/core';
import { isUniqueViolation } from '@app/database';
import { ApiKeysService } from '@app/permissions';
import { AgentDirectory } from './agent-directory.js';
import { Agent } from './agent.entity.js';
import { AgentSecrets, type Secrets } from './agent-secrets.js';
import { MAX_SLUG_LENGTH, type AgentChanges, type NewAgent } from './agents.schemas.js';
import { slugify } from './agent-tools.js';

/** How many slugs `name`, `name-2`, … are tried before the caller is asked to choose one. */
const MAX_SLUG_TRIES = 20;

/** TypeORM's word for columns to set; it cannot see that readonly arrays are fine in a jsonb column. */
export type Columns = QueryDeepPartialEntity<Agent>;

/** A card that was fetched, or one that was given inline and has no URL. */
type FoundCard = Omit<FetchedCard, 'url'> & { url?: string };

/** The registry's changes: register, update, give credentials, remove. */
@Injectable()
export class AgentsService {
  constructor(
    @InjectRepository(Agent) private readonly agents: Repository<Agent>,
    private readonly a2a: A2aClient,
    private readonly secrets: AgentSecrets,
    private readonly directory: AgentDirectory,
    private readonly keys: ApiKeysService,
  ) {}

  async register(call: Call, input: NewAgent): Promise<Agent> {
    const { credentials, headers } = input;
    const found = await this.cardFor(call, input);
    const agent = await this.insert(input, found, { credentials, headers });
    await this.directory.changed('register');
    return agent;
  }

  /** By id or slug. @throws DomainError not_found */
  async get(ref: string): Promise<Agent> {
    const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(ref);
    const agent = await this.agents.findOneBy(isId ? { id: ref } : { slug: ref });
    if (agent === null) throw noAgent(ref);
    return agent;
  }

  /** @param version changes only this version when given (`If-Match`) */
  async update(agent: Agent, changes: AgentChanges, version?: number): Promise<Agent> {
    const { headers, card, ...fields } = changes;
    if (card !== undefined && agent.cardUrl !== null)
      throw new DomainError('invalid', 'card: this agent has a URL; its card is fetched from there');
    const fetched = card && { card: this.a2a.readCard(card), raw: card };
    return this.change(agent, version, async (manager) => {
      if (headers !== undefined)
        await this.secrets.save(manager, agent.id, { ...(await this.secrets.load(agent.id, manager)), headers });
      return { ...fields, ...(fetched && cardFields(fetched)) };
    });
  }

  async setEnabled(agent: Agent, enabled: boolean): Promise<Agent> {
    return agent.enabled === enabled ? agent : this.change(agent, undefined, () => Promise.resolve({ enabled }));
  }

  /** @param credentials undefined takes them away */
  async setCredentials(agent: Agent, credentials: Credentials | undefined): Promise<void> {
    await this.change(agent, undefined, async (manager) => {
      const { headers } = await this.secrets.load(agent.id, manager);
      await this.secrets.save(manager, agent.id, { headers, credentials });
      return {};
    });
  }

  /** With its credentials, and the keys it had as a caller. */
  async remove(agent: Agent, version?: number): Promise<void> {
    await this.agents.manager.transaction(async (manager) => {
      const { affected } = await manager.delete(Agent, { id: agent.id, ...(version !== undefined && { version }) });
      if (!affected) throw changedMeanwhile(agent.slug);
      await this.keys.revokeAllOf(manager, `agent:${agent.id}`);
      await this.directory.bump(manager);
    });
    await Promise.all([this.directory.changed('remove'), this.keys.check()]);
  }

  private async cardFor(call: Call, input: NewAgent): Promise<FoundCard> {
    if (input.card !== undefined) return { card: this.a2a.readCard(input.card), raw: input.card };
    const { credentials, headers, url = '' } = input;
    return this.a2a.discover(url, { credentials, headers, signal: call.signal });
  }

  private async insert(input: NewAgent, found: FoundCard, secrets: Secrets): Promise<Agent> {
    const base =
      input.slug ??
      (slugify(found.card.name)
        .slice(0, MAX_SLUG_LENGTH - 3)
        .replace(/-$/, '') ||
        'agent');
    for (let n = 1; n <= MAX_SLUG_TRIES; n++) {
      const slug = n === 1 ? base : `${base}-${n}`;
      const agent = await this.tryInsert(slug, input, found, secrets);
      if (agent !== undefined) return agent;
      const taken = await this.agents.findOneBy({ slug });
      const isSameAgent = found.url !== undefined && taken?.cardUrl === found.url;
      if (input.slug !== undefined || isSameAgent)
        throw new DomainError(
          'conflict',
          `slug: an agent ${slug} is registered already${isSameAgent ? ' with this card' : ''}`,
        );
    }
    throw new DomainError('conflict', `slug: ${base} and its numbered variants are taken; choose one`);
  }

  /** Undefined when the slug is taken. */
  private async tryInsert(
    slug: string,
    { category, tags, enabled, resend, maxConcurrency }: NewAgent,
    found: FoundCard,
    secrets: Secrets,
  ): Promise<Agent | undefined> {
    const row = {
      slug,
      category,
      tags,
      enabled,
      resend,
      maxConcurrency,
      ...cardFields(found),
      cardUrl: found.url ?? null,
    };
    try {
      return await this.agents.manager.transaction(async (manager) => {
        const agent = await manager.save(Agent, row);
        await this.secrets.save(manager, agent.id, secrets);
        await this.directory.bump(manager);
        return agent;
      });
    } catch (error) {
      if (isUniqueViolation(error)) return undefined;
      throw error;
    }
  }

  /** One transaction: the row if its version is the expected one, whatever hangs on it, and the revision. */
  private async change(
    agent: Agent,
    expected: number | undefined,
    work: (manager: EntityManager) => Promise<Partial<Agent>>,
  ): Promise<Agent> {
    const changed = await this.agents.manager.transaction(async (manager) => {
      const current = await manager.findOne(Agent, { where: { id: agent.id }, lock: { mode: 'pessimistic_write' } });
      if (current === null) throw new DomainError('not_found', `No agent ${agent.slug}`);
      if (expected !== undefined && current.version !== expected) throw changedMeanwhile(agent.slug);
      await manager.update(Agent, { id: agent.id }, (await work(manager)) as Columns);
      await this.directory.bump(manager);
      return manager.findOneByOrFail(Agent, { id: agent.id });
    });
    await this.directory.changed('update');
    return changed;
  }
}

export const noAgent = (ref: string): DomainError => new DomainError('not_found', `No agent ${ref}`);

/** The columns that follow from a card. */
export function cardFields({ card, raw, etag }: Pick<FetchedCard, 'card' | 'raw' | 'etag'>) {
  return {
    name: card.name,
    description: card.description,
    card,
    rawCard: raw,
    cardEtag: etag ?? null,
    cardFetchedAt: new Date(),
    refreshError: null,
  };
}

function changedMeanwhile(slug: string): DomainError {
  return new DomainError('precondition_failed', `If-Match: the agent ${slug} has changed since; read it again`);
}
