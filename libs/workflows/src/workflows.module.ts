import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AgentsModule } from '@app/agents';
import { CallsModule } from '@app/calls';
import { DurableModule } from '@app/durable';
import { ExpressionsModule } from '@app/expressions';
import { TasksModule } from '@app/tasks';
import { WorkflowSecretsModule } from '@app/workflow-secrets';
import { ApprovalRows } from './approval-rows.js';
import { ApprovalsController } from './approvals.controller.js';
import { Approvals } from './approvals.service.js';
import { DefinitionNeeds } from './definition-needs.js';
import { DefinitionReader } from './definition-reader.js';
import { DryRunsController } from './dry-runs.controller.js';
import { DryRuns } from './dry-runs.service.js';
import { EventsController } from './events.controller.js';
import { Outcalls, RunCallers } from './outcalls.js';
import { RunMeter } from './run-meter.js';
import { RunReader } from './run-reader.js';
import { EventPatternRow, InboxEventRow, WorkflowFrameRow, WorkflowRunRow } from './run-rows.entity.js';
import { RunStarter } from './run-starter.js';
import { RunTools } from './run-tools.js';
import { RunsController } from './runs.controller.js';
import { RunsService } from './runs.service.js';
import { Scheduler } from './scheduler.js';
import { WaitingRuns } from './waiting-runs.js';
import { WorkflowDirectory } from './workflow-directory.js';
import { WorkflowEvents } from './workflow-events.js';
import { WorkflowRuns } from './workflow-runs.js';
import { WorkflowWaitRow } from './workflow-wait.entity.js';
import { Workflow } from './workflow.entity.js';
import { WorkflowsController } from './workflows.controller.js';
import { WorkflowsService } from './workflows.service.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([
      Workflow,
      WorkflowRunRow,
      WorkflowFrameRow,
      WorkflowWaitRow,
      InboxEventRow,
      EventPatternRow,
    ]),
    AgentsModule,
    CallsModule,
    DurableModule,
    ExpressionsModule,
    TasksModule,
    WorkflowSecretsModule,
  ],
  controllers: [DryRunsController, WorkflowsController, RunsController, ApprovalsController, EventsController],
  providers: [
    WorkflowsService,
    WorkflowDirectory,
    DefinitionReader,
    DefinitionNeeds,
    DryRuns,
    RunsService,
    RunReader,
    RunStarter,
    RunTools,
    RunCallers,
    RunMeter,
    WorkflowRuns,
    WorkflowEvents,
    Outcalls,
    Approvals,
    ApprovalRows,
    Scheduler,
    WaitingRuns,
  ],
  exports: [WorkflowsService, WorkflowDirectory, RunsService, Approvals],
})
export class WorkflowsModule {}
