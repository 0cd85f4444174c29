import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Caller, JsonObject, Permission } from '@app/core';
import type { Tool } from '@app/mcp-protocol';
import { type Access, Permissions } from '@app/permissions';
import { AgentOffers } from './agent-offers.js';
import type { Offer } from './offer.js';
import { ServerTools } from './server-tools.js';
import { WorkflowOffers } from './workflow-offers.js';

/** How long a list is shown again to somebody whose grants come and go with the clock. Calls are decided anew. */
const REMEMBER_CHANGING_MS = 1_000;

interface Listing {
  readonly definitions: readonly JsonObject[];
  readonly until: number;
}

/** What somebody must be able to do with everything to be shown the same as everybody else who can. */
const WHOLE: readonly Permission[] = ['agents:call', 'workflows:run', 'workflows:write'];

/** The MCP tools made of agents and workflows; built when those change, looked up by name for each call. */
@Injectable()
export class ToolCatalog implements OnModuleDestroy {
  private offers: Map<string, Offer> | undefined;
  /** What callers were shown, by what they may do; those who may do everything are shown the same. */
  private listings = new WeakMap<Access, Listing>();
  private whole: Listing | undefined;
  private readonly fixed: readonly Offer[];
  private readonly unsubscribe: () => void;

  constructor(
    private readonly agents: AgentOffers,
    private readonly workflows: WorkflowOffers,
    private readonly permissions: Permissions,
    tools: ServerTools,
  ) {
    this.fixed = tools.offers;
    this.unsubscribe = this.onToolsChange(() => {
      this.offers = undefined;
      this.listings = new WeakMap();
      this.whole = undefined;
    });
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }

  /**
   * What the caller may see of it, also when another replica registered it a moment ago; a call that is not granted is told
   * so, and how to ask for it.
   */
  find(caller: Caller, name: string): Tool<Caller> | undefined | Promise<Tool<Caller> | undefined> {
    const access = this.permissions.accessOf(caller);
    if (!(access instanceof Promise) && this.current().has(name)) return this.offered(caller, access, name);
    return this.findFresh(caller, name);
  }

  private async findFresh(caller: Caller, name: string): Promise<Tool<Caller> | undefined> {
    if (!this.current().has(name)) await this.agents.catchUp();
    return this.offered(caller, await this.permissions.accessOf(caller), name);
  }

  private offered(caller: Caller, access: Access, name: string): Tool<Caller> | undefined {
    const offer = this.current().get(name);
    if (offer === undefined) return undefined;
    if (offer.isFor(access) || mayAsk(access, offer)) return offer.tool;
    this.permissions.hidden(caller, offer.action, name);
    return undefined;
  }

  /** Definitions of what the caller may use, sorted by name. */
  async list(caller: Caller): Promise<readonly JsonObject[]> {
    const access = await this.permissions.accessOf(caller);
    const isUnlimited = WHOLE.every((action) => access.isUnlimited(action)) && access.mayGrant;
    const known = isUnlimited ? this.whole : this.listings.get(access);
    if (known !== undefined && known.until > performance.now()) return known.definitions;
    const offers = [...this.current().values()].filter(({ isFor }) => isFor(access));
    const listing = {
      definitions: offers.map(({ tool }) => tool.definition),
      until: access.isChanging && !isUnlimited ? performance.now() + REMEMBER_CHANGING_MS : Infinity,
    };
    if (isUnlimited) this.whole = listing;
    else this.listings.set(access, listing);
    return listing.definitions;
  }

  /** Called after the tools changed, or who may use them. */
  onChange(listener: () => void): () => void {
    const unsubscribe = [this.onToolsChange(listener), this.permissions.onChange(listener)];
    return () => unsubscribe.forEach((stop) => stop());
  }

  private onToolsChange(listener: () => void): () => void {
    const unsubscribe = [this.agents.onChange(listener), this.workflows.onChange(listener)];
    return () => unsubscribe.forEach((stop) => stop());
  }

  private current(): Map<string, Offer> {
    if (this.offers !== undefined) return this.offers;
    const all = [...this.agents.all(), ...this.workflows.all(), ...this.fixed];
    all.sort((a, b) => (a.tool.definition.name < b.tool.definition.name ? -1 : 1));
    this.offers = new Map(all.map((offer) => [offer.tool.definition.name, offer]));
    return this.offers;
  }
}

/** Who knows of a thing may ask for it. */
const mayAsk = (access: Access, { made }: Offer): boolean => made !== undefined && access.allows(made.seenBy, made.of);
