import { z } from 'zod';
import { ProblemView, Source, WorkflowVersion } from './workflows.schemas.js';

const Answer = z
  .union([
    z.strictObject({ output: z.unknown() }),
    z.strictObject({
      error: z.looseObject({
        type: z.string().min(1),
        status: z.number().int(),
        title: z.string().optional(),
        detail: z.string().optional(),
      }),
    }),
  ])
  .describe('What the outside makes of a task: its output, or the error that it ends with.');
export type Answer = z.infer<typeof Answer>;

const Rehearsed = {
  input: z.unknown().optional().describe('As a run would get it.'),
  answers: z
    .record(z.string(), z.union([Answer, z.array(Answer).min(1).max(100)]))
    .default({})
    .describe('By JSON Pointer of the task; several for one that is done several times, the last then counts on.'),
};

export const DryRun = z.strictObject({ definition: Source, ...Rehearsed }).meta({ id: 'WorkflowDryRun' });
export type DryRun = z.infer<typeof DryRun>;

export const StoredDryRun = z
  .strictObject({ version: WorkflowVersion.optional().describe('The newest active one when absent.'), ...Rehearsed })
  .meta({ id: 'StoredWorkflowDryRun' });
export type StoredDryRun = z.infer<typeof StoredDryRun>;

export const Need = z.object({
  kind: z.enum(['server', 'agent', 'workflow', 'secret']),
  name: z.string().describe('Slug of the agent, name of the workflow or secret; of the server: what is done.'),
  path: z.string().optional().describe('JSON Pointer of who needs it.'),
  skill: z.string().optional(),
  exists: z.boolean().describe('False also for what you may not see.'),
  has: z.array(z.string()).describe('Permissions for it that you have.'),
  lacks: z.array(z.string()).describe('Permissions for it that you lack; a run would fail there.'),
});
export type Need = z.infer<typeof Need>;

const TraceStep = z.object({
  what: z
    .string()
    .describe('`started`, `asked`, `completed`, `faulted`, `skipped`, `retried`, `cancelled`, `undoing`.'),
  task: z.string().describe('JSON Pointer.'),
  thread: z.string().describe('Which branch; empty: the main thread.'),
  key: z.string().describe('One execution of a task.'),
  afterMs: z.number().describe('Milliseconds of waiting since the beginning; calls take none.'),
  detail: z.record(z.string(), z.unknown()).optional(),
});
export type TraceStep = z.infer<typeof TraceStep>;

export const Trace = z.object({
  ended: z
    .enum(['completed', 'faulted', 'unanswered', 'bounded', 'refused'])
    .describe('`unanswered`: at a task without an answer; `bounded`: too much for a dry run; `refused`: by its input.'),
  steps: z.array(TraceStep),
  output: z.unknown().optional(),
  error: z.record(z.string(), z.unknown()).optional(),
  asks: z
    .object({ task: z.string(), effect: z.record(z.string(), z.unknown()) })
    .optional()
    .describe('What the outside would be asked for next. Secrets are left out.'),
  because: z.string().optional().describe('One sentence.'),
});
export type Trace = z.infer<typeof Trace>;

export const DryRunView = z
  .object({
    valid: z.boolean(),
    problems: z.array(ProblemView),
    needs: z.array(Need),
    trace: Trace.optional().describe('Absent when the definition cannot be read.'),
  })
  .meta({ id: 'WorkflowDryRunResult' });
export type DryRunView = z.infer<typeof DryRunView>;
