import { Module } from '@nestjs/common';
import { AgentsModule } from '@app/agents';
import { TasksModule } from '@app/tasks';
import { ControlService } from './control.service.js';
import { StreamUrls } from './stream-urls.js';

@Module({
  imports: [AgentsModule, TasksModule],
  providers: [ControlService, StreamUrls],
  exports: [ControlService, StreamUrls],
})
export class ControlModule {}
