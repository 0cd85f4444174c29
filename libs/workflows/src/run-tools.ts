import { ServerInfo } from '@app/config';
import { Expressions } from '@app/expressions';
import { RunStore } from '@app/tasks';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ApprovalRows } from './approval-rows.js';
import { Outcalls, RunCallers } from './outcalls.js';
import { RunMeter } from './run-meter.js';
import { RunStarter } from './run-starter.js';
import { WorkflowDirectory } from './workflow-directory.js';
import { WorkflowEvents } from './workflow-events.js';

/** What every run uses. */
@Injectable()
export class RunTools {
  constructor(
    readonly db: DataSource,
    readonly store: RunStore,
    readonly starter: RunStarter,
    readonly expressions: Expressions,
    readonly outcalls: Outcalls,
    readonly callers: RunCallers,
    readonly directory: WorkflowDirectory,
    readonly approvals: ApprovalRows,
    readonly events: WorkflowEvents,
    readonly meter: RunMeter,
    readonly server: ServerInfo,
  ) {}
}
