import type { Caller, JsonObject } from '@app/core';
import type { ClientCancel, ClientResponse, Host, Request, Tool } from '@app/mcp-protocol';
import type { Relay } from './relay.js';
import { ToolCatalog } from './tool-catalog.js';

const INSTRUCTIONS = [
  'Each tool talks to one A2A agent, or to one skill of it.',
  'A result carries context_id and task_id: send context_id to go on with the conversation, task_id to answer what the agent asked.',
  'list_agents and describe_agent tell what there is.',
].join(' ');

/** What the MCP core serves: the registry's agents. */
export class McpHost implements Host<Caller> {
  readonly instructions = INSTRUCTIONS;
  readonly serverInfo: JsonObject & { name: string; version: string };

  constructor(
    private readonly catalog: ToolCatalog,
    private readonly relay: Relay,
    { name, version }: { name: string; version: string },
  ) {
    this.serverInfo = { name, title: 'A2A MCP Server', version };
  }

  listTools(): JsonObject {
    return { tools: this.catalog.list() };
  }

  tool(name: string, _request: Request<Caller>): Tool<Caller> | undefined | Promise<Tool<Caller> | undefined> {
    return this.catalog.find(name) ?? this.catalog.findFresh(name);
  }

  onResponse(response: ClientResponse): void {
    this.relay.respond(response);
  }

  onCancel(cancel: ClientCancel): void {
    this.relay.cancel(cancel);
  }
}
