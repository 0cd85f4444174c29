import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, type QueryDeepPartialEntity, Repository } from 'typeorm';
import { A2aClient, type Credentials, type FetchedCard } from '@app/a2a';
import { Audit } from '@app/audit';
import { type Call, type Caller, DomainError, type JsonObject } from '@app/core';
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

interface AgentChange {
  readonly caller: Caller;
  readonly agent: Agent;
  /** Changes only this version. */
  readonly expected?: number;
  /** For the audit trail, without secrets. */
  readonly action: string;
  readonly detail?: JsonObject;
}

/** The registry's changes: register, update, give credentials, remove. */
@Injectable()
export class AgentsService {
  constructor(
    @InjectRepository(Agent) private readonly agents: Repository<Agent>,
    private readonly a2a: A2aClient,
    private readonly secrets: AgentSecrets,
    private readonly directory: AgentDirectory,
    private readonly keys: ApiKeysService,
    private readonly audit: Audit,
  ) {}

  async register(call: Call, input: NewAgent): Promise<Agent> {
    const { credentials, headers } = input;
    const found = await this.cardFor(call, input);
    const agent = await this.insert(call.caller, input, found, { credentials, headers });
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
  async update(caller: Caller, agent: Agent, changes: AgentChanges, version?: number): Promise<Agent> {
    const { headers, card, ...fields } = changes;
    if (card !== undefined && agent.cardUrl !== null)
      throw new DomainError('invalid', 'card: this agent has a URL; its card is fetched from there');
    const fetched = card && { card: this.a2a.readCard(card), raw: card };
    const detail = {
      ...fields,
      ...(headers !== undefined && { headers: 'changed' }),
      ...(card && { card: 'changed' }),
    };
    const change = { caller, agent, expected: version, action: 'agents.update', detail };
    return this.change(change, async (manager) => {
      if (headers !== undefined)
        await this.secrets.save(manager, agent.id, { ...(await this.secrets.load(agent.id, manager)), headers });
      return { ...fields, ...(fetched && cardFields(fetched)) };
    });
  }

  async setEnabled(caller: Caller, agent: Agent, enabled: boolean): Promise<Agent> {
    if (agent.enabled === enabled) return agent;
    const action = enabled ? 'agents.enable' : 'agents.disable';
    return this.change({ caller, agent, action }, () => Promise.resolve({ enabled }));
  }

  /** @param credentials undefined takes them away */
  async setCredentials(caller: Caller, agent: Agent, credentials: Credentials | undefined): Promise<void> {
    const action = credentials === undefined ? 'agents.remove_credentials' : 'agents.set_credentials';
    await this.change({ caller, agent, action }, async (manager) => {
      const { headers } = await this.secrets.load(agent.id, manager);
      await this.secrets.save(manager, agent.id, { headers, credentials });
      return {};
    });
  }

  /** With its credentials, and the keys it had as a caller. */
  async remove(caller: Caller, agent: Agent, version?: number): Promise<void> {
    await this.agents.manager.transaction(async (manager) => {
      const { affected } = await manager.delete(Agent, { id: agent.id, ...(version !== undefined && { version }) });
      if (!affected) throw changedMeanwhile(agent.slug);
      await this.keys.revokeAllOf(manager, `agent:${agent.id}`);
      await this.audit.change(manager, caller, 'agents.remove', { agent: agent.slug, subject: agent.id });
      await this.directory.bump(manager);
    });
    await Promise.all([this.directory.changed('remove'), this.keys.check()]);
  }

  private async cardFor(call: Call, input: NewAgent): Promise<FoundCard> {
    if (input.card !== undefined) return { card: this.a2a.readCard(input.card), raw: input.card };
    const { credentials, headers, url = '' } = input;
    return this.a2a.discover(url, { credentials, headers, signal: call.signal });
  }

  private async insert(caller: Caller, input: NewAgent, found: FoundCard, secrets: Secrets): Promise<Agent> {
    const base =
      input.slug ??
      (slugify(found.card.name)
        .slice(0, MAX_SLUG_LENGTH - 3)
        .replace(/-$/, '') ||
        'agent');
    for (let n = 1; n <= MAX_SLUG_TRIES; n++) {
      const slug = n === 1 ? base : `${base}-${n}`;
      const agent = await this.tryInsert({ caller, slug, secrets }, input, found);
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
    { caller, slug, secrets }: { caller: Caller; slug: string; secrets: Secrets },
    { category, tags, enabled, resend, maxConcurrency }: NewAgent,
    found: FoundCard,
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
        const detail = { category, tags, enabled, url: found.url };
        await this.audit.change(manager, caller, 'agents.register', { agent: slug, subject: agent.id, detail });
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
    { caller, agent, expected, action, detail }: AgentChange,
    work: (manager: EntityManager) => Promise<Partial<Agent>>,
  ): Promise<Agent> {
    const changed = await this.agents.manager.transaction(async (manager) => {
      const current = await manager.findOne(Agent, { where: { id: agent.id }, lock: { mode: 'pessimistic_write' } });
      if (current === null) throw new DomainError('not_found', `No agent ${agent.slug}`);
      if (expected !== undefined && current.version !== expected) throw changedMeanwhile(agent.slug);
      await manager.update(Agent, { id: agent.id }, (await work(manager)) as Columns);
      await this.audit.change(manager, caller, action, { agent: agent.slug, subject: agent.id, detail });
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
