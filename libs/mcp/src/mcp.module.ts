import { randomBytes } from 'node:crypto';
import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AgentsModule } from '@app/agents';
import { Config } from '@app/config';
import type { Caller } from '@app/core';
import { McpServer } from '@app/mcp-protocol';
import { KeyRing } from '@app/secrets';
import { TasksModule } from '@app/tasks';
import { AgentCaller } from './agent-caller.js';
import { McpEndpoint } from './mcp-endpoint.js';
import { McpHost } from './mcp-host.js';
import { Relay } from './relay.js';
import { RelayedMessage } from './relayed-message.entity.js';
import { ToolCatalog } from './tool-catalog.js';

@Module({})
export class McpModule {
  /** @param server what clients are told about this server */
  static forRoot(server: { name: string; version: string }): DynamicModule {
    return {
      module: McpModule,
      imports: [AgentsModule, TasksModule, TypeOrmModule.forFeature([RelayedMessage])],
      providers: [
        AgentCaller,
        ToolCatalog,
        McpEndpoint,
        Relay,
        {
          provide: McpHost,
          inject: [ToolCatalog, Relay],
          useFactory: (catalog: ToolCatalog, relay: Relay) => new McpHost(catalog, relay, server),
        },
        { provide: McpServer, inject: [McpHost, Relay, KeyRing, Config], useFactory: makeServer },
      ],
      exports: [McpEndpoint],
    };
  }
}

function makeServer(host: McpHost, relay: Relay, seal: KeyRing, config: Config): McpServer<Caller> {
  const replica = randomBytes(6).toString('hex');
  const server = new McpServer<Caller>({ host, seal, replica, allowedHosts: config.hostNames });
  relay.attach(server, replica);
  return server;
}
