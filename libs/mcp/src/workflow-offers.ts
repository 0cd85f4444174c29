import { Injectable } from '@nestjs/common';
import type { Caller, JsonObject } from '@app/core';
import type { Request, Tool } from '@app/mcp-protocol';
import { TasksService } from '@app/tasks';
import { resourceOf, RunsService, type Workflow, WorkflowDirectory } from '@app/workflows';
import { madeOf, type Offer } from './offer.js';
import { stepWords } from './step-words.js';
import { TaskCaller } from './task-caller.js';
import { argumentsOf, descriptionOf, titleOf, toolNameOf } from './workflow-tool.js';

/** The tools made of workflows: one for the newest active version of each. */
@Injectable()
export class WorkflowOffers {
  constructor(
    private readonly directory: WorkflowDirectory,
    private readonly runs: RunsService,
    private readonly tasks: TasksService,
    private readonly caller: TaskCaller,
  ) {}

  all(): Offer[] {
    return this.directory
      .all()
      .map((workflow) => madeOf(resourceOf(workflow), 'workflows:run', 'workflows:read', this.toolOf(workflow)));
  }

  onChange(listener: () => void): () => void {
    return this.directory.onChange(listener);
  }

  private toolOf(workflow: Workflow): Tool<Caller> {
    const title = titleOf(workflow);
    const { schema: inputSchema, problemWith, inputOf } = argumentsOf(workflow);
    const name = toolNameOf(workflow.name);
    return {
      definition: {
        name,
        title,
        description: descriptionOf(workflow),
        inputSchema,
        annotations: { title, openWorldHint: true },
      },
      validate: problemWith,
      call: (args, request) => this.run(workflow, inputOf(args), request),
    };
  }

  /** Which version is the newest active one is decided anew when the run is stored. */
  private run(workflow: Workflow, input: unknown, request: Request<Caller>): Promise<JsonObject> {
    const { name, definition } = workflow;
    const { principal, trace } = request;
    const begin = async () => this.tasks.get(principal, await this.runs.start(principal, name, input, { trace }));
    const wordsOf: Parameters<TaskCaller['call']>[0]['wordsOf'] = (step) => stepWords(step, definition.do.length);
    return this.caller.call({ who: `workflow/${name}`, title: titleOf(workflow), begin, wordsOf }, request);
  }
}
