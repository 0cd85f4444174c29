import { Module } from '@nestjs/common';
import { AgentsModule } from '@app/agents';
import { TasksModule } from '@app/tasks';
import { WorkflowsModule } from '@app/workflows';
import { CallableAgents } from './callable-agents.js';
import { ControlService } from './control.service.js';
import { StreamUrls } from './stream-urls.js';

@Module({
  imports: [AgentsModule, TasksModule, WorkflowsModule],
  providers: [CallableAgents, ControlService, StreamUrls],
  exports: [ControlService, StreamUrls],
})
export class ControlModule {}
