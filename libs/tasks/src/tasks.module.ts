import { Module } from '@nestjs/common';
import { A2aModule } from '@app/a2a';
import { AgentsModule } from '@app/agents';
import { TaskMeter } from './task-meter.js';
import { TasksService } from './tasks.service.js';

@Module({
  imports: [A2aModule, AgentsModule],
  providers: [TasksService, TaskMeter],
  exports: [TasksService],
})
export class TasksModule {}
