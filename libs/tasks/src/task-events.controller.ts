import { Controller, Get, Headers, Param, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Caller, DomainError } from '@app/core';
import { isDatabaseAway } from '@app/database';
import { Authenticator } from '@app/permissions';
import { Log } from '@app/telemetry';
import { Allow, EventStreams, FromCaller, type StreamedEvent } from '@app/web';
import type { TaskEvent, TaskView } from './task-event.js';
import { TaskEventsQuery, TaskId } from './tasks.schemas.js';
import { TasksService } from './tasks.service.js';

/** Follows a task live. A client that hangs up leaves the task alone. */
@ApiTags('Tasks')
@Controller('api/v1/tasks')
export class TaskEventsController {
  private readonly log = new Log('REST');

  constructor(
    private readonly tasks: TasksService,
    private readonly streams: EventStreams,
    private readonly authenticator: Authenticator,
  ) {}

  @Get(':id/events')
  @Allow('tasks:read')
  @ApiHeader({ name: 'last-event-id', required: false, description: 'Goes on after this event.' })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({
    description:
      'Server-sent events: `id` counts them, `event` is `status`, `artifact`, `snapshot` or `result`, the last.',
  })
  @ApiResponse({ status: 204, description: 'The task is over and its last event is known; do not come back.' })
  async events(
    @FromCaller() caller: Caller,
    @Param('id', { schema: TaskId }) id: string,
    @Query({ schema: TaskEventsQuery }) query: TaskEventsQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const task = await this.tasks.get(caller, id);
    const from = startOf(task, query.from, lastEventId);
    if (task.finishedAt !== undefined && from === task.lastSeq) {
      await reply.status(204).send();
      return;
    }
    this.streams.admit(caller.id);
    reply.hijack();
    const events = (signal: AbortSignal) => this.framed(caller, this.tasks.follow(caller, id, { from, signal }));
    try {
      const end = await this.streams.send(reply.raw, caller.id, events);
      if (end === 'stalled') this.log.warn('A client did not read its event stream', { task: id });
    } catch (cause) {
      // The answer has ended, and the client goes on where it was.
      const route = `${request.method} ${request.routeOptions.url ?? request.url}`;
      const isExpected = isDatabaseAway(cause) || cause instanceof DomainError;
      const level = isExpected ? 'warn' : 'error';
      this.log[level]('An event stream broke', { route, requestId: request.id, task: id, cause });
    }
  }

  /** A key that is revoked meanwhile hears nothing more. */
  private async *framed(caller: Caller, events: AsyncIterable<TaskEvent>): AsyncIterable<StreamedEvent> {
    for await (const event of events) {
      await this.authenticator.recall(caller.credential, caller.address ?? '');
      yield { id: event.seq, event: event.kind, data: event };
    }
  }
}

/** @throws DomainError invalid for what cannot be the number of an event of this task */
function startOf({ lastSeq }: TaskView, from: number, lastEventId: string | undefined): number {
  const start = lastEventId === undefined ? from : /^\d{1,9}$/.test(lastEventId) ? Number(lastEventId) : Infinity;
  if (start <= lastSeq) return start;
  const name = lastEventId === undefined ? 'from' : 'Last-Event-ID';
  throw new DomainError('invalid', `${name}: expected the number of an event of this task, which has ${lastSeq}`);
}
