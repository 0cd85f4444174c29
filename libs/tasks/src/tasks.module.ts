import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { A2aModule } from '@app/a2a';
import { AgentsModule } from '@app/agents';
import { DurableModule } from '@app/durable';
import { EventStreams } from '@app/web';
import { Capacity } from './capacity.js';
import { ConcurrentTasks } from './concurrent-tasks.js';
import { Feeds } from './feeds.js';
import { Refusals } from './refusals.js';
import { RunStore } from './run-store.js';
import { RunTools } from './run-tools.js';
import { TaskRunners } from './task-runners.js';
import { SessionExpiry } from './session-expiry.js';
import { Session } from './session.entity.js';
import { SessionsController } from './sessions.controller.js';
import { SessionsService } from './sessions.service.js';
import { TaskArtifactsController } from './task-artifacts.controller.js';
import { TaskArtifact } from './task-artifact.entity.js';
import { TaskEventRow } from './task-event.entity.js';
import { TaskEventsController } from './task-events.controller.js';
import { TaskMeter } from './task-meter.js';
import { TaskInserter } from './task-inserter.js';
import { TaskOutlet } from './task-outlet.js';
import { TaskPermissions } from './task-permissions.js';
import { TaskRetention } from './task-retention.js';
import { TaskRuns } from './task-runs.js';
import { TaskStarter } from './task-starter.js';
import { TaskWait } from './task-wait.js';
import { TaskWriter } from './task-writer.js';
import { Task } from './task.entity.js';
import { TasksController } from './tasks.controller.js';
import { TasksService } from './tasks.service.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([Task, TaskEventRow, TaskArtifact, Session]),
    A2aModule,
    AgentsModule,
    DurableModule,
  ],
  controllers: [TasksController, TaskEventsController, TaskArtifactsController, SessionsController],
  providers: [
    TasksService,
    TaskPermissions,
    ConcurrentTasks,
    TaskStarter,
    TaskInserter,
    Refusals,
    TaskRuns,
    TaskRunners,
    RunStore,
    RunTools,
    Capacity,
    TaskWriter,
    Feeds,
    TaskOutlet,
    TaskMeter,
    TaskRetention,
    TaskWait,
    EventStreams,
    SessionsService,
    SessionExpiry,
  ],
  exports: [TasksService, SessionsService, TaskWait, EventStreams, RunStore, TaskRunners],
})
export class TasksModule {}
