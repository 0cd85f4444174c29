import { Injectable } from '@nestjs/common';
import { AgentDirectory, type AgentTool, type DirectoryEntry, resourceOf } from '@app/agents';
import type { Caller } from '@app/core';
import type { Tool } from '@app/mcp-protocol';
import { AgentCaller } from './agent-caller.js';
import { problemWith } from './arguments.js';
import { madeOf, type Offer } from './offer.js';
import { errorResult } from './results.js';
import { inputSchemaFor, type ToolInput } from './tool-input.js';

/** The tools made of agents and their skills. */
@Injectable()
export class AgentOffers {
  constructor(
    private readonly directory: AgentDirectory,
    private readonly caller: AgentCaller,
  ) {}

  all(): Offer[] {
    return this.directory.all().flatMap((agent) => agent.tools.map((tool) => this.offerOf(agent, tool)));
  }

  onChange(listener: () => void): () => void {
    return this.directory.onChange(listener);
  }

  /** For a name that is not known: it may have been registered on another replica a moment ago. */
  catchUp(): Promise<void> {
    return this.directory.catchUp();
  }

  private offerOf(agent: DirectoryEntry, tool: AgentTool): Offer {
    return madeOf(resourceOf(agent, tool.skill?.id), 'agents:call', 'agents:read', this.toolOf(agent, tool));
  }

  /** The agent is looked up at each call: its card may have changed without its tools changing. */
  private toolOf({ slug, card }: DirectoryEntry, { name, title, description, skill }: AgentTool): Tool<Caller> {
    const inputSchema = inputSchemaFor(card, skill);
    return {
      definition: { name, title, description, inputSchema, annotations: { title, openWorldHint: true } },
      validate: (args) => problemWith(inputSchema, args),
      call: (args, request) => {
        const agent = this.directory.find(slug);
        if (agent === undefined) return errorResult(`not_found: the agent ${slug} was disabled`);
        return this.caller.call(agent, skill?.id, args as ToolInput, request);
      },
    };
  }
}
