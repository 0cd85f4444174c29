import { randomBytes } from 'node:crypto';
import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AgentsModule } from '@app/agents';
import { Config } from '@app/config';
import { ControlModule } from '@app/control';
import type { Caller } from '@app/core';
import { McpServer } from '@app/mcp-protocol';
import { KeyRing } from '@app/secrets';
import { Traces } from '@app/telemetry';
import { TasksModule } from '@app/tasks';
import { WorkflowsModule } from '@app/workflows';
import { AgentCaller } from './agent-caller.js';
import { AgentOffers } from './agent-offers.js';
import { ArtifactResources } from './artifact-resources.js';
import { McpEndpoint } from './mcp-endpoint.js';
import { McpHost } from './mcp-host.js';
import { PermissionTools } from './permission-tools.js';
import { Relay } from './relay.js';
import { RelayedMessage } from './relayed-message.entity.js';
import { ServerTools } from './server-tools.js';
import { TaskCaller } from './task-caller.js';
import { TaskQuestions } from './task-questions.js';
import { TasksExtension } from './tasks-extension.js';
import { ToolCatalog } from './tool-catalog.js';
import { WorkflowDesk } from './workflow-desk.js';
import { WorkflowOffers } from './workflow-offers.js';
import { WorkflowTools } from './workflow-tools.js';

@Module({})
export class McpModule {
  /** @param server what clients are told about this server */
  static forRoot(server: { name: string; version: string }): DynamicModule {
    return {
      module: McpModule,
      imports: [AgentsModule, ControlModule, TasksModule, WorkflowsModule, TypeOrmModule.forFeature([RelayedMessage])],
      providers: [
        TaskCaller,
        TaskQuestions,
        AgentCaller,
        AgentOffers,
        WorkflowOffers,
        WorkflowDesk,
        WorkflowTools,
        ServerTools,
        ToolCatalog,
        McpEndpoint,
        Relay,
        McpHost,
        TasksExtension,
        ArtifactResources,
        PermissionTools,
        {
          provide: McpServer,
          inject: [McpHost, Relay, KeyRing, Config, Traces],
          useFactory: (...given: Parts) => makeServer(server, ...given),
        },
      ],
      exports: [McpEndpoint],
    };
  }
}

type Parts = [host: McpHost, relay: Relay, seal: KeyRing, config: Config, traces: Traces];

function makeServer(
  { name, version }: { name: string; version: string },
  ...[host, relay, seal, config, traces]: Parts
): McpServer<Caller> {
  host.serverInfo = { name, title: 'A2A MCP Server', version };
  const replica = randomBytes(6).toString('hex');
  const server = new McpServer<Caller>({ host, seal, replica, traces, allowedHosts: config.hostNames });
  relay.attach(server, replica);
  return server;
}
