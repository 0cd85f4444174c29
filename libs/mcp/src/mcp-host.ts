import { Injectable } from '@nestjs/common';
import { type Caller, DomainError, type JsonObject, RateLimited } from '@app/core';
import {
  type ClientCancel,
  type ClientResponse,
  type Host,
  Refusal,
  type Request,
  RpcCode,
  type Tool,
} from '@app/mcp-protocol';
import { RateLimiter } from '@app/rate-limits';
import { limitHeaders, STATUS } from '@app/web';
import { ArtifactResources } from './artifact-resources.js';
import { Relay } from './relay.js';
import { TasksExtension } from './tasks-extension.js';
import { ToolCatalog } from './tool-catalog.js';

const INSTRUCTIONS = [
  'Each tool talks to one A2A agent, or to one skill of it; one whose name begins with run_ runs a workflow of several steps.',
  'A result carries context_id and task_id: send context_id to go on with the conversation, task_id to answer what the agent asked.',
  'A call that takes long answers with a task_id; get_status with it as requestId tells the result.',
  'list_agents and describe_agent tell what there is; request_permission asks for what you may not do yet.',
].join(' ');

/** What the MCP core serves: the registry's agents, and workflows. */
@Injectable()
export class McpHost implements Host<Caller> {
  readonly instructions = INSTRUCTIONS;
  readonly methods: ArtifactResources['methods'];
  /** What clients are told about this server; the composition root knows it. */
  serverInfo: JsonObject & { name: string; version: string } = { name: 'a2a-mcp-server', version: '0.0.0' };

  constructor(
    private readonly catalog: ToolCatalog,
    private readonly relay: Relay,
    private readonly limiter: RateLimiter,
    readonly tasks: TasksExtension,
    { methods }: ArtifactResources,
  ) {
    this.methods = methods;
  }

  admit(principal: Caller, { count, bytes }: { count: number; bytes: number }): void | Promise<void> {
    try {
      const standing = this.limiter.admit(principal, bytes, count);
      if (standing instanceof Promise) return standing.then(ignored, refused);
    } catch (error) {
      refused(error);
    }
  }

  async listTools({ principal }: Request<Caller>): Promise<JsonObject> {
    return { tools: await this.catalog.list(principal) };
  }

  tool(name: string, { principal }: Request<Caller>): Tool<Caller> | undefined | Promise<Tool<Caller> | undefined> {
    return this.catalog.find(principal, name);
  }

  onResponse(response: ClientResponse): void | Promise<void> {
    return this.relay.respond(response);
  }

  onCancel(cancel: ClientCancel): Promise<void> {
    return this.relay.cancel(cancel);
  }
}

const ignored = (): void => undefined;

function refused(error: unknown): never {
  throw error instanceof DomainError ? refusalOf(error) : error;
}

/** With the HTTP status that the other doors give it, and what a limit says about when to come again. */
function refusalOf(error: DomainError): Refusal {
  const { code, message } = error;
  const isLimit = error instanceof RateLimited;
  const data = { code, ...(isLimit && error.state) };
  return new Refusal(STATUS[code], RpcCode.refused, message, isLimit ? limitHeaders(error.state) : undefined, data);
}
