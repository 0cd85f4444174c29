import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { AgentDirectory, type AgentTool, type DirectoryEntry, resourceOf } from '@app/agents';
import { ControlService } from '@app/control';
import type { Caller, JsonObject } from '@app/core';
import type { Tool } from '@app/mcp-protocol';
import { type Access, Permissions, type Resource } from '@app/permissions';
import { AgentCaller } from './agent-caller.js';
import { problemWith } from './arguments.js';
import { controlToolsOf } from './control-tools.js';
import { PermissionTools } from './permission-tools.js';
import { inputSchemaFor, type ToolInput } from './tool-input.js';

/** How long a list is shown again to somebody whose grants come and go with the clock. Calls are decided anew. */
const REMEMBER_CHANGING_MS = 1_000;

/** A tool, and whom it is shown to. */
interface Offer {
  readonly tool: Tool<Caller>;
  /** May this caller use it? */
  readonly isFor: (access: Access) => boolean;
  /** The agent or skill it was made of. */
  readonly resource?: Resource;
}

interface Listing {
  readonly definitions: readonly JsonObject[];
  readonly until: number;
}

const EVERYBODY = (): boolean => true;

/** The MCP tools made of the registry; built when the registry changes, looked up by name for each call. */
@Injectable()
export class ToolCatalog implements OnModuleDestroy {
  private offers: Map<string, Offer> | undefined;
  /** What callers were shown, by what they may do; those who may do everything are shown the same. */
  private listings = new WeakMap<Access, Listing>();
  private whole: Listing | undefined;
  private readonly fixed: readonly Offer[];
  private readonly unsubscribe: () => void;

  constructor(
    private readonly directory: AgentDirectory,
    private readonly agentCaller: AgentCaller,
    private readonly permissions: Permissions,
    control: ControlService,
    { asking, granting }: PermissionTools,
  ) {
    this.fixed = [
      ...[...controlToolsOf(control), ...asking].map((tool) => ({ tool, isFor: EVERYBODY })),
      ...granting.map((tool) => ({ tool, isFor: (access: Access) => access.mayGrant })),
    ];
    this.unsubscribe = directory.onChange(() => {
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
    if (!this.current().has(name)) await this.directory.catchUp();
    return this.offered(caller, await this.permissions.accessOf(caller), name);
  }

  private offered(caller: Caller, access: Access, name: string): Tool<Caller> | undefined {
    const offer = this.current().get(name);
    if (offer === undefined) return undefined;
    if (offer.isFor(access) || mayAsk(access, offer)) return offer.tool;
    this.permissions.hidden(caller, offer.resource === undefined ? 'grants:write' : 'agents:call', name);
    return undefined;
  }

  /** Definitions of what the caller may use, sorted by name. */
  async list(caller: Caller): Promise<readonly JsonObject[]> {
    const access = await this.permissions.accessOf(caller);
    const isUnlimited = access.isUnlimited('agents:call') && access.mayGrant;
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
    const unsubscribe = [this.directory.onChange(listener), this.permissions.onChange(listener)];
    return () => unsubscribe.forEach((stop) => stop());
  }

  private current(): Map<string, Offer> {
    if (this.offers !== undefined) return this.offers;
    const ofAgents = this.directory.all().flatMap((agent) => agent.tools.map((tool) => this.offerOf(agent, tool)));
    const all = [...ofAgents, ...this.fixed];
    all.sort((a, b) => (a.tool.definition.name < b.tool.definition.name ? -1 : 1));
    this.offers = new Map(all.map((offer) => [offer.tool.definition.name, offer]));
    return this.offers;
  }

  private offerOf(agent: DirectoryEntry, tool: AgentTool): Offer {
    const resource = resourceOf(agent, tool.skill?.id);
    return { tool: this.toolOf(agent, tool), resource, isFor: (access) => access.allows('agents:call', resource) };
  }

  /** The agent is looked up at each call: its card may have changed without its tools changing. */
  private toolOf({ slug, card }: DirectoryEntry, { name, title, description, skill }: AgentTool): Tool<Caller> {
    const inputSchema = inputSchemaFor(card, skill);
    return {
      definition: { name, title, description, inputSchema, annotations: { title, openWorldHint: true } },
      validate: (args) => problemWith(inputSchema, args),
      call: (args, request) => {
        const agent = this.directory.find(slug);
        if (agent === undefined)
          return { isError: true, content: [{ type: 'text', text: `not_found: the agent ${slug} was disabled` }] };
        return this.agentCaller.call(agent, skill?.id, args as ToolInput, request);
      },
    };
  }
}

const mayAsk = (access: Access, { resource }: Offer): boolean =>
  resource !== undefined && access.allows('agents:read', resource);
