import { type DynamicModule, Module } from '@nestjs/common';
import { AgentsModule } from '@app/agents';
import { Config } from '@app/config';
import type { Caller } from '@app/core';
import { McpServer } from '@app/mcp-protocol';
import { KeyRing } from '@app/secrets';
import { TasksModule } from '@app/tasks';
import { AgentCaller } from './agent-caller.js';
import { McpEndpoint } from './mcp-endpoint.js';
import { McpHost } from './mcp-host.js';
import { ToolCatalog } from './tool-catalog.js';

@Module({})
export class McpModule {
  /** @param server what clients are told about this server */
  static forRoot(server: { name: string; version: string }): DynamicModule {
    return {
      module: McpModule,
      imports: [AgentsModule, TasksModule],
      providers: [
        AgentCaller,
        ToolCatalog,
        McpEndpoint,
        { provide: McpHost, inject: [ToolCatalog], useFactory: (catalog: ToolCatalog) => new McpHost(catalog, server) },
        { provide: McpServer, inject: [McpHost, KeyRing, Config], useFactory: makeServer },
      ],
      exports: [McpEndpoint],
    };
  }
}

function makeServer(host: McpHost, seal: KeyRing, config: Config): McpServer<Caller> {
  const { publicUrl, allowedHosts } = config.http;
  const server = new McpServer<Caller>({
    host,
    seal,
    allowedHosts: publicUrl === undefined ? allowedHosts : [...allowedHosts, new URL(publicUrl).hostname],
  });
  host.server = server;
  return server;
}
