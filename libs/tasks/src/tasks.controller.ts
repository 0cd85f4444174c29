import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiHeader, ApiOkResponse, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Call, type Caller, traceIn } from '@app/core';
import { Allow, FromCaller, isKnown, type Page, waitIn } from '@app/web';
import { partsOf } from './message-parts.js';
import type { TaskView } from './task-event.js';
import { isResting } from './task-row.js';
import { TaskWait } from './task-wait.js';
import {
  TaskCancellation,
  TaskId,
  TaskInput,
  TaskListQuery,
  TaskMessage,
  TaskPage,
  TaskShape,
} from './tasks.schemas.js';
import { TasksService } from './tasks.service.js';

const PREFER = {
  name: 'prefer',
  required: false,
  description: '`wait=<seconds>`, at most 60: answers 200 with the result if it is there in time (RFC 7240).',
};
const FINISHED = { description: 'What came of it, with `Prefer: wait`.', standardSchema: TaskShape };

@ApiTags('Tasks')
@Controller('api/v1/tasks')
export class TasksController {
  constructor(
    private readonly tasks: TasksService,
    private readonly wait: TaskWait,
  ) {}

  @Post()
  @Allow('tasks:write')
  @ApiHeader({ name: 'idempotency-key', required: false, description: 'The same key and input give the same task.' })
  @ApiHeader(PREFER)
  @ApiAcceptedResponse({ description: 'The task, stored; it goes on whatever happens.', standardSchema: TaskShape })
  @ApiOkResponse(FINISHED)
  async start(
    @FromCaller() caller: Caller,
    @Body({ schema: TaskInput }) { agent, skill, contextId, sessionId, ...said }: TaskInput,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskView> {
    const call = { caller, signal: request.signal };
    const parts = partsOf(said);
    const trace = traceIn(request.headers.traceparent, request.headers.tracestate);
    const input = { agent, skill, contextId, sessionId, parts, idempotencyKey, trace };
    const task = await this.tasks.start(caller, input);
    return this.answered(task, call, request, reply);
  }

  @Get()
  @Allow('tasks:read')
  @ApiOkResponse({ description: 'Your tasks, newest first.', standardSchema: TaskPage })
  list(@FromCaller() caller: Caller, @Query({ schema: TaskListQuery }) query: TaskListQuery): Promise<Page<TaskView>> {
    return this.tasks.list(caller, query);
  }

  @Get(':id')
  @Allow('tasks:read')
  @ApiOkResponse({ description: 'One task, with an ETag.', standardSchema: TaskShape })
  @ApiResponse({ status: 304, description: 'Nothing happened since the `If-None-Match`.' })
  async get(
    @FromCaller() caller: Caller,
    @Param('id', { schema: TaskId }) id: string,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskView | undefined> {
    const task = await this.tasks.get(caller, id);
    const etag = `"${task.lastSeq}-${task.updatedAt.getTime()}"`;
    void reply.header('etag', etag);
    if (!isKnown(ifNoneMatch, etag)) return task;
    void reply.status(304);
    return undefined;
  }

  @Post(':id/messages')
  @Allow('tasks:write')
  @ApiHeader(PREFER)
  @ApiAcceptedResponse({ description: 'The answer is stored and on its way to the agent.', standardSchema: TaskShape })
  @ApiOkResponse(FINISHED)
  async answer(
    @FromCaller() caller: Caller,
    @Param('id', { schema: TaskId }) id: string,
    @Body({ schema: TaskMessage }) said: TaskMessage,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TaskView> {
    const call = { caller, signal: request.signal };
    const task = await this.tasks.answer(caller, id, partsOf(said));
    return this.answered(task, call, request, reply);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Allow('tasks:write')
  @ApiOkResponse({ description: 'Durable and final; the agent is told.', standardSchema: TaskCancellation })
  cancel(
    @FromCaller() caller: Caller,
    @Param('id', { schema: TaskId }) id: string,
  ): Promise<{ canceled: boolean; task: TaskView }> {
    return this.tasks.cancel(caller, id);
  }

  /** 202 with the task as it is; 200 with what came of it when the caller wants to wait for that and need not wait long. */
  private async answered(task: TaskView, { caller, signal }: Call, request: FastifyRequest, reply: FastifyReply) {
    const seconds = waitIn(request.headers.prefer?.toString());
    void reply.status(202).header('location', `/api/v1/tasks/${task.taskId}`);
    if (seconds === undefined) return task;
    void reply.header('preference-applied', `wait=${seconds}`);
    // A known key may give a task that is over or waits for its caller: nothing more comes by itself.
    const known = isResting(task.state) ? task : await this.wait.settled({ caller, signal }, task, seconds);
    if (isResting(known.state)) void reply.status(200);
    return known;
  }
}
