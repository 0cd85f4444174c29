import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, In, Repository } from 'typeorm';
import type { AgentCard, AgentConnection } from '@app/a2a';
import { Revisions } from '@app/database';
import { Log, Metrics, type RegistryOperation } from '@app/telemetry';
import { Agent, type Resend } from './agent.entity.js';
import { AgentSecrets, type Secrets } from './agent-secrets.js';
import { type AgentTool, agentTools } from './agent-tools.js';

const TOPIC = 'agents';
const RETRY_MS = 1_000;

/** An enabled agent, ready to be called. */
export interface DirectoryEntry {
  readonly id: string;
  readonly slug: string;
  readonly version: number;
  readonly category: string;
  readonly tags: readonly string[];
  readonly card: AgentCard;
  readonly connection: AgentConnection;
  readonly resend: Resend;
  readonly maxConcurrency: number | null;
  readonly tools: readonly AgentTool[];
}

/**
 * The enabled agents in memory, so that a call reads no row. Follows the registry by its revision: a change on this replica
 * counts at once, one on another within a second.
 */
@Injectable()
export class AgentDirectory implements OnModuleInit, OnModuleDestroy {
  private readonly log = new Log('AgentDirectory');
  private entries = new Map<string, DirectoryEntry>();
  private readonly listeners = new Set<() => void>();
  private loading: Promise<void> | undefined;
  private retry: NodeJS.Timeout | undefined;
  private stopWatching = (): void => undefined;

  constructor(
    @InjectRepository(Agent) private readonly agents: Repository<Agent>,
    private readonly secrets: AgentSecrets,
    private readonly revisions: Revisions,
    private readonly metrics: Metrics,
  ) {}

  async onModuleInit(): Promise<void> {
    this.stopWatching = this.revisions.watch(TOPIC, () => this.follow());
    await this.follow();
  }

  onModuleDestroy(): void {
    this.stopWatching();
    clearTimeout(this.retry);
  }

  /** Undefined for unknown and for disabled agents. */
  find(slug: string): DirectoryEntry | undefined {
    return this.entries.get(slug);
  }

  /** Sorted by slug. */
  all(): readonly DirectoryEntry[] {
    return [...this.entries.values()].sort((a, b) => (a.slug < b.slug ? -1 : 1));
  }

  /** As `find`, and what another replica registered a moment ago as well. */
  async findFresh(slug: string): Promise<DirectoryEntry | undefined> {
    if (this.find(slug) === undefined) await this.catchUp();
    return this.find(slug);
  }

  /** For a name that is not known: it may have been registered on another replica a moment ago. */
  catchUp(): Promise<void> {
    return this.revisions.catchUp();
  }

  /** Called after the set of tools changed. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Inside the changing transaction: every replica will notice. */
  bump(manager: EntityManager): Promise<void> {
    return this.revisions.bump(manager, TOPIC);
  }

  /** After the commit: this replica knows when the caller gets its answer. */
  async changed(operation: RegistryOperation): Promise<void> {
    this.metrics.registryChanged(operation);
    await this.follow();
  }

  /** Reads what changed; a read that is under way may have missed the change, so another one follows it. */
  private async follow(): Promise<void> {
    while (this.loading !== undefined) await this.loading;
    this.loading = this.load()
      .catch((error: unknown) => {
        this.log.warn('The registry could not be read; the agents known so far stay', { cause: error });
        clearTimeout(this.retry);
        this.retry = setTimeout(() => void this.follow(), RETRY_MS).unref();
      })
      .finally(() => {
        this.loading = undefined;
      });
    await this.loading;
  }

  private async load(): Promise<void> {
    const rows = await this.agents.find({ select: { id: true, slug: true, version: true, enabled: true } });
    const enabled = rows.filter((row) => row.enabled);
    const stale = enabled.filter(
      (row) => this.entries.get(row.slug)?.version !== row.version || this.entries.get(row.slug)?.id !== row.id,
    );
    const fresh = await this.read(stale.map(({ id }) => id));
    const before = this.entries;
    this.entries = new Map(
      enabled.flatMap(({ slug }): [string, DirectoryEntry][] => {
        const entry = fresh.get(slug) ?? before.get(slug);
        return entry === undefined ? [] : [[slug, entry]];
      }),
    );
    this.metrics.agentsKnown([...this.entries.keys()]);
    this.metrics.agentsTotal.set(rows.length);
    this.metrics.agentsEnabled.set(enabled.length);
    if (toolsDiffer(before, this.entries)) for (const listener of this.listeners) listener();
  }

  private async read(ids: string[]): Promise<Map<string, DirectoryEntry>> {
    if (ids.length === 0) return new Map();
    const rows = await this.agents.findBy({ id: In(ids) });
    const secrets = await this.secrets.loadMany(ids);
    return new Map(rows.map((row) => [row.slug, entryOf(row, secrets.get(row.id) ?? {})]));
  }
}

function entryOf(row: Agent, { credentials, headers }: Secrets): DirectoryEntry {
  const { id, slug, version, category, tags, card, resend, maxConcurrency } = row;
  return {
    id,
    slug,
    version,
    category,
    tags,
    card,
    resend,
    maxConcurrency,
    connection: connectionOf(row, { credentials, headers }),
    tools: agentTools(slug, card),
  };
}

/** Secrets go only to the origin the card came from; an inline card's addresses were given by the one who gave the secrets. */
function connectionOf({ card, cardUrl }: Agent, secrets: Secrets): AgentConnection {
  const trusted = cardUrl === null ? card.interfaces.map(({ url }) => url) : [cardUrl];
  const origins = trusted.filter((url) => URL.canParse(url)).map((url) => new URL(url).origin);
  return { card, ...secrets, origins };
}

function toolsDiffer(before: Map<string, DirectoryEntry>, after: Map<string, DirectoryEntry>): boolean {
  if (before.size !== after.size) return true;
  return [...after].some(([slug, entry]) => {
    const old = before.get(slug);
    return old !== entry && (old === undefined || shape(old) !== shape(entry));
  });
}

const shape = ({ tools, card }: DirectoryEntry) => JSON.stringify([tools, card.inputModes]);
