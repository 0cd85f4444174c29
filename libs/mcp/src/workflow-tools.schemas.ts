import { z } from 'zod';
import { workflowSchemas } from '@app/workflows';

const { ApprovalId, ApprovalView, NewWorkflow, RunId, WorkflowName, WorkflowVersion } = workflowSchemas;

const Version = WorkflowVersion.optional().describe('The newest active one when absent.');

const Brief = z.object({
  name: z.string(),
  title: z.string(),
  summary: z.string().optional(),
  version: z.string(),
  tags: z.array(z.string()),
  tool: z.string().optional().describe('Name of the MCP tool that runs it; absent: you may not.'),
});
export type Brief = z.infer<typeof Brief>;

export const ListWorkflows = z.strictObject({
  search: z.string().max(200).optional().describe('Part of a name, title or summary.'),
  tags: z.array(z.string()).max(32).optional().describe('Workflows with any of these tags.'),
});
export const Workflows = z.object({ workflows: z.array(Brief) });

export const DescribeWorkflow = z.strictObject({ name: WorkflowName, version: Version });
export const WorkflowDetails = Brief.extend({
  status: z.string(),
  inputSchema: z.record(z.string(), z.unknown()).describe('JSON Schema of its input; empty: anything.'),
  tasks: z
    .array(
      z.object({
        task: z.string().describe('JSON Pointer.'),
        name: z.string(),
        kind: z.string().describe('What it does: the keyword of the DSL.'),
        calls: z.string().optional().describe('`agent`, `human`, `http`, `mcp`, `a2a` or a function.'),
      }),
    )
    .describe('All tasks in the order of the definition, those inside of others included.'),
  schedule: z
    .object({
      paused: z.boolean(),
      nextAt: z.iso.datetime().optional(),
      cron: z.string().optional(),
      every: z.unknown().optional(),
      after: z.unknown().optional(),
    })
    .optional()
    .describe('When runs begin by themselves, if they do.'),
  versions: z.array(z.object({ version: z.string(), status: z.string() })).describe('Newest first.'),
});
export type WorkflowDetails = z.infer<typeof WorkflowDetails>;

export const CreateWorkflow = z.strictObject(NewWorkflow.shape);
export const Created = Brief.extend({ status: z.string() });

export const StartWorkflow = z.strictObject({
  name: WorkflowName,
  input: z.unknown().optional().describe('Fits the inputSchema that describe_workflow tells; {} when absent.'),
  version: Version,
  sessionId: z.uuid().optional().describe('A session from open_session: carries the conversations with its agents.'),
  idempotencyKey: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('The same key with the same input is the same run, however often it is sent.'),
});
export const Started = z.object({
  runId: z.string().describe('requestId of get_status and cancel.'),
  status: z.string(),
  streamUrl: z.string().describe('Follows this run over a WebSocket; opens it for some minutes.'),
});

export const AnswerWorkflow = z.strictObject({
  runId: RunId.optional().describe('The run that asks: its oldest question that you may answer.'),
  approvalId: ApprovalId.optional().describe('The question, when a run asks several.'),
  answer: z.unknown().optional().describe('Fits the schema of the question. Absent: tells what is asked.'),
});
const Question = z.object(ApprovalView.shape);
export const Answered = z.object({
  answered: Question.optional().describe('The question that this answered.'),
  open: z.array(Question).describe('Questions that you may answer, oldest first.'),
  more: z.boolean().describe('There are more than these.'),
});
