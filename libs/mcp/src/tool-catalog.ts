import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { AgentDirectory, type AgentTool, type DirectoryEntry } from '@app/agents';
import { ControlService } from '@app/control';
import type { Caller, JsonObject } from '@app/core';
import type { Tool } from '@app/mcp-protocol';
import { AgentCaller } from './agent-caller.js';
import { problemWith } from './arguments.js';
import { controlToolsOf } from './control-tools.js';
import { inputSchemaFor, type ToolInput } from './tool-input.js';

/** The MCP tools made of the registry; built when the registry changes, looked up by name for each call. */
@Injectable()
export class ToolCatalog implements OnModuleDestroy {
  private tools: Map<string, Tool<Caller>> | undefined;
  private readonly control: readonly Tool<Caller>[];
  private readonly unsubscribe: () => void;

  constructor(
    private readonly directory: AgentDirectory,
    private readonly agentCaller: AgentCaller,
    control: ControlService,
  ) {
    this.control = controlToolsOf(control);
    this.unsubscribe = directory.onChange(() => {
      this.tools = undefined;
    });
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }

  find(name: string): Tool<Caller> | undefined {
    return this.current().get(name);
  }

  /** Also finds what another replica registered a moment ago. */
  async findFresh(name: string): Promise<Tool<Caller> | undefined> {
    await this.directory.catchUp();
    return this.find(name);
  }

  /** Definitions, sorted by name. */
  list(): JsonObject[] {
    return [...this.current().values()].map(({ definition }) => definition);
  }

  /** Called after the tools changed. */
  onChange(listener: () => void): () => void {
    return this.directory.onChange(listener);
  }

  private current(): Map<string, Tool<Caller>> {
    if (this.tools !== undefined) return this.tools;
    const ofAgents = this.directory.all().flatMap((agent) => agent.tools.map((tool) => this.toolOf(agent, tool)));
    const all = [...ofAgents, ...this.control];
    all.sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
    this.tools = new Map(all.map((tool) => [tool.definition.name, tool]));
    return this.tools;
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
