import { z } from 'zod';
import { PageQuery } from '@app/web';

export const ApprovalId = z.uuid('expected the id of a question: a UUID').describe('Id of a question.');

export const ApprovalQuery = PageQuery.extend({ run: z.uuid().optional().describe('Only of this run.') });
export type ApprovalQuery = z.infer<typeof ApprovalQuery>;

export const ApprovalView = z
  .object({
    id: z.uuid(),
    runId: z.uuid().describe('The run that waits for the answer.'),
    workflow: z.string(),
    task: z.string().describe('JSON Pointer of the task that asks.'),
    prompt: z.string(),
    schema: z.record(z.string(), z.unknown()).describe('JSON Schema of the answer.'),
    assignees: z.array(z.string()).optional().describe('Who may answer: `principal:…`, `role:…`, `group:…`.'),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'Approval' });
export type ApprovalView = z.infer<typeof ApprovalView>;

export const ApprovalPage = z
  .object({ items: z.array(ApprovalView), nextPageToken: z.string().optional() })
  .meta({ id: 'ApprovalPage' });

export const ApprovalAnswer = z
  .strictObject({ answer: z.unknown().describe('Fits the schema of the question.') })
  .meta({ id: 'ApprovalAnswer' });
export type ApprovalAnswer = z.infer<typeof ApprovalAnswer>;
