import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { A2aModule } from '@app/a2a';
import { AgentAccess } from './agent-access.js';
import { AgentCredentials } from './agent-credentials.entity.js';
import { AgentDirectory } from './agent-directory.js';
import { AgentHealth } from './agent-health.js';
import { AgentList } from './agent-list.js';
import { AgentSecrets } from './agent-secrets.js';
import { AgentTotals } from './agent-totals.js';
import { Agent } from './agent.entity.js';
import { AgentsController } from './agents.controller.js';
import { AgentsService } from './agents.service.js';
import { CardClients } from './card-clients.js';
import { CardRefresher } from './card-refresher.js';

@Module({
  imports: [TypeOrmModule.forFeature([Agent, AgentCredentials]), A2aModule],
  controllers: [AgentsController],
  providers: [
    AgentsService,
    AgentList,
    AgentSecrets,
    AgentDirectory,
    CardClients,
    CardRefresher,
    AgentHealth,
    AgentTotals,
    AgentAccess,
  ],
  exports: [AgentDirectory, AgentTotals],
})
export class AgentsModule {}
