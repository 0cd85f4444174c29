import { Injectable } from '@nestjs/common';
import { StreamUrls } from '@app/control';
import type { Caller } from '@app/core';
import type { Tool } from '@app/mcp-protocol';
import { serverTool } from './structured-tool.js';
import { WorkflowDesk } from './workflow-desk.js';
import * as schemas from './workflow-tools.schemas.js';

/** Workflows from inside an MCP client, beside the tools that are made of them. */
@Injectable()
export class WorkflowTools {
  /** For who may see a workflow. */
  readonly reading: readonly Tool<Caller>[];
  /** For everybody: who may answer says each question. */
  readonly answering: Tool<Caller>;
  /** For who may run one. */
  readonly starting: Tool<Caller>;
  /** For who may write one. */
  readonly writing: Tool<Caller>;

  constructor(desk: WorkflowDesk, streams: StreamUrls) {
    this.reading = [
      serverTool({
        name: 'list_workflows',
        title: 'List workflows',
        description: 'Lists the active workflows, with the tools that run them.',
        input: schemas.ListWorkflows,
        output: schemas.Workflows,
        isReadOnly: true,
        run: ({ caller }, filter) => desk.list(caller, filter),
      }),
      serverTool({
        name: 'describe_workflow',
        title: 'Describe a workflow',
        description: 'Describes one workflow: what input it takes, its tasks, its schedule and its versions.',
        input: schemas.DescribeWorkflow,
        output: schemas.WorkflowDetails,
        isReadOnly: true,
        run: ({ caller }, { name, version }) => desk.describe(caller, name, version),
      }),
    ];
    this.answering = serverTool({
      name: 'answer_workflow',
      title: 'Answer a workflow',
      description:
        'Answers what the run of a workflow asks, or one of its agents; the first answer counts. ' +
        'Without an answer it tells what is asked: by this run, or by all whose questions you may answer.',
      input: schemas.AnswerWorkflow,
      output: schemas.Answered,
      isReadOnly: false,
      run: ({ caller }, given) => desk.answer(caller, given),
    });
    this.starting = serverTool({
      name: 'start_workflow',
      title: 'Start a workflow',
      description:
        'Starts a run of a workflow, of any active version, and returns at once: ask get_status with its runId as requestId how it goes.',
      input: schemas.StartWorkflow,
      output: schemas.Started,
      isReadOnly: false,
      run: async (call, given) => {
        const run = await desk.start(call, given);
        return { ...run, streamUrl: streams.urlFor(call.caller, run.runId) };
      },
    });
    this.writing = serverTool({
      name: 'create_workflow',
      title: 'Create a workflow',
      description:
        'Stores a workflow in the Serverless Workflow DSL 1.0.3 (YAML or JSON), or a new version of one. Active ones are tools at once. ' +
        'What is wrong with a definition is told with JSON Pointers.',
      input: schemas.CreateWorkflow,
      output: schemas.Created,
      isReadOnly: false,
      run: ({ caller }, given) => desk.create(caller, given),
    });
  }
}
