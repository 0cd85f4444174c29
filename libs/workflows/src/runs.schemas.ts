import { z } from 'zod';
import { PageQuery } from '@app/web';

export const RunId = z.uuid('expected the id of a run: a UUID').describe('Id of a run; the id of its task.');

/** DSL 1.0.3, "Status Phases". */
export const PHASES = ['pending', 'running', 'waiting', 'suspended', 'completed', 'faulted', 'cancelled'] as const;

export const NewRunInput = z
  .strictObject({
    input: z.unknown().optional().describe('Fits the `input.schema` of the workflow.'),
    version: z.string().min(1).max(100).optional().describe('The newest active one when absent.'),
    sessionId: z.uuid().optional().describe('Carries the conversations with its agents.'),
  })
  .meta({ id: 'NewWorkflowRun' });
export type NewRunInput = z.infer<typeof NewRunInput>;

export const RunQuery = PageQuery.extend({ phase: z.enum(PHASES).optional() });
export type RunQuery = z.infer<typeof RunQuery>;

export const RunProblem = z.object({
  type: z.string(),
  status: z.number(),
  title: z.string().optional(),
  detail: z.string().optional(),
  instance: z.string().optional().describe('JSON Pointer of the task.'),
});

export const RunView = z
  .object({
    runId: z.uuid(),
    workflow: z.string(),
    version: z.string(),
    phase: z.enum(PHASES),
    input: z.unknown().optional(),
    output: z.unknown().optional(),
    error: RunProblem.optional(),
    startedBy: z.string(),
    continues: z.uuid().optional().describe('The run whose work it goes on with.'),
    undone: z.boolean().describe('Completed tasks were undone by their compensations.'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'WorkflowRun' });
export type RunView = z.infer<typeof RunView>;

export const RunPage = z
  .object({ items: z.array(RunView), nextPageToken: z.string().optional() })
  .meta({ id: 'WorkflowRunPage' });

export const RerunQuery = z.object({
  from: z
    .string()
    .regex(/^\/do\/\d+\/[^/]+$/, 'expected the JSON Pointer of a task of the workflow itself, such as /do/1/review')
    .describe('Where to begin: a task that the run has begun.'),
});
export type RerunQuery = z.infer<typeof RerunQuery>;

const TimelineEntry = z.object({
  seq: z.number().int(),
  at: z.iso.datetime(),
  type: z.string().describe('Lifecycle event of the DSL.'),
  task: z.string().describe('JSON Pointer; empty: the workflow.'),
  frame: z.string().describe('Which thread; empty: the main one.'),
  key: z.string().describe('One execution of a task.'),
  detail: z.record(z.string(), z.unknown()).optional(),
});

export const Timeline = z
  .object({
    events: z.array(TimelineEntry),
    tasks: z.array(
      z.object({
        task: z.string(),
        key: z.string(),
        state: z.string(),
        startedAt: z.iso.datetime(),
        endedAt: z.iso.datetime().optional(),
        durationMs: z.number().optional(),
      }),
    ),
    gantt: z.string().describe('Mermaid.'),
  })
  .meta({ id: 'WorkflowTimeline' });
export type Timeline = z.infer<typeof Timeline>;
