import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiHeader, ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Caller, traceIn } from '@app/core';
import { isResting, TasksService, TaskWait } from '@app/tasks';
import { Allow, FromCaller, type Page, waitIn } from '@app/web';
import { RunReader, runViewOf } from './run-reader.js';
import { pictureOf, timelineOf } from './run-timeline.js';
import { NewRunInput, RerunQuery, RunId, RunPage, RunQuery, RunView, Timeline } from './runs.schemas.js';
import { RunsService } from './runs.service.js';
import { WorkflowName } from './workflows.schemas.js';

const PREFER = {
  name: 'prefer',
  required: false,
  description: '`wait=<seconds>`, at most 60: answers 200 when the run ended or waits for somebody in time (RFC 7240).',
};
const STARTED = { description: 'The run, stored; it goes on whatever happens.', standardSchema: RunView };

@ApiTags('Workflows')
@Controller('api/v1')
export class RunsController {
  constructor(
    private readonly runs: RunsService,
    private readonly reader: RunReader,
    private readonly tasks: TasksService,
    private readonly wait: TaskWait,
  ) {}

  @Post('workflows/:name/runs')
  @HttpCode(202)
  @Allow('workflows:run')
  @ApiHeader({ name: 'idempotency-key', required: false, description: 'The same key and input give the same run.' })
  @ApiHeader(PREFER)
  @ApiAcceptedResponse(STARTED)
  async start(
    @FromCaller() caller: Caller,
    @Param('name', { schema: WorkflowName }) name: string,
    @Body({ schema: NewRunInput }) { input, version, sessionId }: NewRunInput,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RunView> {
    const trace = traceIn(request.headers.traceparent, request.headers.tracestate);
    const id = await this.runs.start(caller, name, input ?? {}, { version, sessionId, idempotencyKey, trace });
    return this.answered(caller, id, request, reply);
  }

  @Get('workflows/:name/runs')
  @Allow('workflows:read')
  @ApiOkResponse({
    description: 'Runs, newest first: yours, or all for who may change the workflow.',
    standardSchema: RunPage,
  })
  async list(
    @FromCaller() caller: Caller,
    @Param('name', { schema: WorkflowName }) name: string,
    @Query({ schema: RunQuery }) query: RunQuery,
  ): Promise<Page<RunView>> {
    const page = await this.runs.list(caller, name, query);
    return { ...page, items: page.items.map((row) => ({ ...runViewOf(row), input: undefined, output: undefined })) };
  }

  @Get('runs/:id')
  @Allow('tasks:read')
  @ApiOkResponse({ description: 'One run.', standardSchema: RunView })
  async get(@FromCaller() caller: Caller, @Param('id', { schema: RunId }) id: string): Promise<RunView> {
    return runViewOf(await this.runs.get(caller, id));
  }

  @Post('runs/:id/cancel')
  @HttpCode(202)
  @Allow('tasks:write')
  @ApiAcceptedResponse({
    description: 'What is under way is canceled, completed tasks are undone, then it is over.',
    standardSchema: RunView,
  })
  async cancel(@FromCaller() caller: Caller, @Param('id', { schema: RunId }) id: string): Promise<RunView> {
    await this.runs.cancel(caller, id);
    return runViewOf(await this.runs.get(caller, id));
  }

  @Post('runs/:id/pause')
  @HttpCode(200)
  @Allow('tasks:write')
  @ApiOkResponse({ description: 'What is under way ends, and nothing new is begun.', standardSchema: RunView })
  async pause(@FromCaller() caller: Caller, @Param('id', { schema: RunId }) id: string): Promise<RunView> {
    return runViewOf(await this.runs.pause(caller, id, true));
  }

  @Post('runs/:id/resume')
  @HttpCode(200)
  @Allow('tasks:write')
  @ApiOkResponse({ description: 'Goes on.', standardSchema: RunView })
  async resume(@FromCaller() caller: Caller, @Param('id', { schema: RunId }) id: string): Promise<RunView> {
    return runViewOf(await this.runs.pause(caller, id, false));
  }

  @Post('runs/:id/retry')
  @HttpCode(202)
  @Allow('tasks:write')
  @ApiAcceptedResponse({ description: 'A new run that goes on where this one failed.', standardSchema: RunView })
  async retry(
    @FromCaller() caller: Caller,
    @Param('id', { schema: RunId }) id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RunView> {
    return this.answered(caller, await this.runs.retry(caller, id), request, reply);
  }

  @Post('runs/:id/rerun')
  @HttpCode(202)
  @Allow('tasks:write')
  @ApiAcceptedResponse({ description: 'A new run that begins at a task of this one.', standardSchema: RunView })
  async rerun(
    @FromCaller() caller: Caller,
    @Param('id', { schema: RunId }) id: string,
    @Query({ schema: RerunQuery }) { from }: RerunQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RunView> {
    return this.answered(caller, await this.runs.rerun(caller, id, from), request, reply);
  }

  @Get('runs/:id/timeline')
  @Allow('tasks:read')
  @ApiOkResponse({ description: 'What happened, task by task.', standardSchema: Timeline })
  async timeline(@FromCaller() caller: Caller, @Param('id', { schema: RunId }) id: string): Promise<Timeline> {
    const row = await this.runs.get(caller, id);
    return timelineOf(row, await this.happened(id));
  }

  @Get('runs/:id/graph')
  @Allow('tasks:read')
  @ApiProduces('text/plain')
  @ApiOkResponse({ description: 'A Mermaid flowchart of the workflow, coloured by how each task stands.' })
  async graph(
    @FromCaller() caller: Caller,
    @Param('id', { schema: RunId }) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const row = await this.runs.get(caller, id);
    void reply.type('text/plain; charset=utf-8');
    return pictureOf(row, await this.happened(id));
  }

  private async happened(id: string) {
    const [steps, waiting] = await Promise.all([this.reader.steps(id), this.reader.waiting(id)]);
    return { steps, waiting };
  }

  private async answered(caller: Caller, id: string, request: FastifyRequest, reply: FastifyReply): Promise<RunView> {
    const seconds = waitIn(request.headers.prefer?.toString());
    void reply.status(202).header('location', `/api/v1/runs/${id}`);
    if (seconds !== undefined) {
      void reply.header('preference-applied', `wait=${seconds}`);
      const task = await this.tasks.get(caller, id);
      const known = isResting(task.state)
        ? task
        : await this.wait.settled({ caller, signal: request.signal }, task, seconds);
      if (isResting(known.state)) void reply.status(200);
    }
    return runViewOf(await this.runs.get(caller, id));
  }
}
