import { Injectable } from '@nestjs/common';
import { ControlService } from '@app/control';
import { RateLimiter } from '@app/rate-limits';
import { TasksService } from '@app/tasks';
import { Metrics, Traces } from '@app/telemetry';

/** What connections work with. */
@Injectable()
export class StreamServices {
  constructor(
    readonly control: ControlService,
    readonly tasks: TasksService,
    readonly limiter: RateLimiter,
    readonly metrics: Metrics,
    readonly traces: Traces,
  ) {}
}
