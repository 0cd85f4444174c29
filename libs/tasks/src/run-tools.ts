import { A2aClient } from '@app/a2a';
import { Config } from '@app/config';
import { Executor } from '@app/durable';
import { Traces } from '@app/telemetry';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { TaskRunners } from './task-runners.js';
import { TaskWriter } from './task-writer.js';

/** What every run uses. */
@Injectable()
export class RunTools {
  constructor(
    readonly db: DataSource,
    readonly a2a: A2aClient,
    readonly executor: Executor,
    readonly writer: TaskWriter,
    readonly config: Config,
    readonly traces: Traces,
    readonly runners: TaskRunners,
  ) {}
}
