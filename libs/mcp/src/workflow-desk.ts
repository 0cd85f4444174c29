import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { statusOf } from '@app/control';
import { type Call, type Caller, DomainError, isJsonObject } from '@app/core';
import { taskKindOf, tasksOf } from '@app/dsl';
import { type Access, Permissions } from '@app/permissions';
import { Approvals, resourceOf, RunsService, type Workflow, WorkflowDirectory, WorkflowsService } from '@app/workflows';
import { inputSchemaOf, titleOf, toolNameOf } from './workflow-tool.js';
import type * as schemas from './workflow-tools.schemas.js';

/** Questions that are told at a time. */
const MOST_QUESTIONS = 20;

/** What the tools about workflows do. */
@Injectable()
export class WorkflowDesk {
  constructor(
    private readonly directory: WorkflowDirectory,
    private readonly workflows: WorkflowsService,
    private readonly runs: RunsService,
    private readonly approvals: Approvals,
    private readonly permissions: Permissions,
  ) {}

  async list(
    caller: Caller,
    { search = '', tags }: z.infer<typeof schemas.ListWorkflows>,
  ): Promise<z.infer<typeof schemas.Workflows>> {
    const access = await this.permissions.accessOf(caller);
    const wanted = search.toLowerCase();
    const fits = (one: Workflow) =>
      [one.name, one.title ?? '', one.summary ?? ''].some((text) => text.toLowerCase().includes(wanted)) &&
      (tags === undefined || tags.some((tag) => one.tags.includes(tag)));
    const seen = this.directory.all().filter((one) => access.allows('workflows:read', resourceOf(one)) && fits(one));
    return { workflows: seen.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((one) => briefOf(one, access)) };
  }

  /** @throws DomainError not_found */
  async describe(caller: Caller, name: string, version: string | undefined): Promise<schemas.WorkflowDetails> {
    const workflow = await this.workflows.get(caller, name, version);
    const versions = await this.workflows.versions(caller, name);
    return {
      ...briefOf(workflow, await this.permissions.accessOf(caller)),
      status: workflow.status,
      inputSchema: inputSchemaOf(workflow),
      tasks: [...tasksOf(workflow.definition)].map(({ pointer: task, name: called, task: what }) => ({
        task,
        name: called,
        kind: taskKindOf(what),
        ...('call' in what && { calls: what.call }),
      })),
      ...scheduleOf(workflow),
      versions: versions.map(({ version: one, status }) => ({ version: one, status })),
    };
  }

  /** @throws DomainError invalid, conflict, forbidden */
  async create(
    caller: Caller,
    given: z.infer<typeof schemas.CreateWorkflow>,
  ): Promise<z.infer<typeof schemas.Created>> {
    const workflow = await this.workflows.create(caller, given);
    return { ...briefOf(workflow, await this.permissions.accessOf(caller)), status: workflow.status };
  }

  /** @throws DomainError not_found, forbidden, conflict, invalid (input), rate_limited */
  async start(
    { caller, trace }: Call,
    { name, input = {}, ...options }: z.infer<typeof schemas.StartWorkflow>,
  ): Promise<{ runId: string; status: string }> {
    const runId = await this.runs.start(caller, name, input, { ...options, trace });
    const { state } = await this.runs.get(caller, runId);
    return { runId, status: statusOf(state) };
  }

  /** @throws DomainError not_found, forbidden, conflict, invalid */
  async answer(
    caller: Caller,
    { runId: run, approvalId, answer }: z.infer<typeof schemas.AnswerWorkflow>,
  ): Promise<z.infer<typeof schemas.Answered>> {
    if (answer === undefined) return this.open(caller, run, approvalId);
    const id = approvalId ?? (await this.oldestOf(caller, run));
    const answered = await this.approvals.answer(caller, id, answer);
    return { answered, ...(await this.open(caller, answered.runId, undefined)) };
  }

  private async open(caller: Caller, run: string | undefined, id: string | undefined) {
    const { items, nextPageToken } = await this.approvals.list(caller, { run, page_size: MOST_QUESTIONS });
    return {
      open: items.filter((item) => id === undefined || item.id === id),
      more: nextPageToken !== undefined,
    };
  }

  private async oldestOf(caller: Caller, run: string | undefined): Promise<string> {
    if (run === undefined) throw new DomainError('invalid', 'runId: expected it, or approvalId');
    const { items } = await this.approvals.list(caller, { run, page_size: 1 });
    if (items[0] === undefined)
      throw new DomainError('not_found', `runId: no run ${run} asks anything that you may answer`);
    return items[0].id;
  }
}

function briefOf(workflow: Workflow, access: Access): schemas.Brief {
  const { name, summary, version, tags, status } = workflow;
  const mayRun = status === 'active' && access.allows('workflows:run', resourceOf(workflow));
  return {
    name,
    title: titleOf(workflow),
    ...(summary !== null && { summary }),
    version,
    tags,
    ...(mayRun && { tool: toolNameOf(name) }),
  };
}

function scheduleOf({ schedule, paused, nextAt }: Workflow): Pick<schemas.WorkflowDetails, 'schedule'> {
  if (!isJsonObject(schedule)) return {};
  const { cron, every, after } = schedule;
  const when = {
    ...(typeof cron === 'string' && { cron }),
    ...(every !== undefined && { every }),
    ...(after !== undefined && { after }),
  };
  return { schedule: { paused, ...(nextAt !== null && { nextAt: nextAt.toISOString() }), ...when } };
}
