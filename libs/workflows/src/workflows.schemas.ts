import { z } from 'zod';
import { PageQuery } from '@app/web';
import { WORKFLOW_STATUSES } from './workflow.entity.js';

/** As the DSL has names (1.0.3, "Document"): a DNS label. */
export const WorkflowName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'expected the name of a workflow: lower-case letters, digits and "-"');
export const WorkflowVersion = z.string().min(1).max(100).describe('Semantic version.');

export const Source = z
  .union([z.string().min(1), z.record(z.string(), z.unknown())])
  .describe('A definition in the Serverless Workflow DSL 1.0: an object, or text in YAML or JSON.');

export const WorkflowSource = z.strictObject({ definition: Source }).meta({ id: 'WorkflowSource' });
export type WorkflowSource = z.infer<typeof WorkflowSource>;

export const NewWorkflow = z
  .strictObject({
    definition: Source,
    status: z.enum(['draft', 'active']).default('active').describe('Active versions run and are MCP tools.'),
  })
  .meta({ id: 'NewWorkflow' });
export type NewWorkflow = z.infer<typeof NewWorkflow>;

export const WorkflowQuery = PageQuery.extend({
  status: z.enum(WORKFLOW_STATUSES).optional().describe('Only workflows with a version of this status.'),
});
export type WorkflowQuery = z.infer<typeof WorkflowQuery>;

const DefinitionShape = z.record(z.string(), z.unknown()).describe('The definition, with `dsl` 1.0.3.');

export const WorkflowView = z
  .object({
    name: z.string(),
    namespace: z.string(),
    version: z.string(),
    status: z.enum(WORKFLOW_STATUSES),
    title: z.string().optional(),
    summary: z.string().optional(),
    tags: z.array(z.string()),
    definition: DefinitionShape.optional().describe('Only of single workflows.'),
    schedule: z
      .object({ paused: z.boolean(), nextAt: z.iso.datetime().optional() })
      .optional()
      .describe('When runs begin by themselves, if they do.'),
    digest: z.string().describe('SHA-256 of the definition.'),
    createdBy: z.string(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Workflow' });
export type WorkflowView = z.infer<typeof WorkflowView>;

export const WorkflowPage = z
  .object({ items: z.array(WorkflowView), nextPageToken: z.string().optional() })
  .meta({ id: 'WorkflowPage' });

export const ProblemView = z.object({
  path: z.string().describe('JSON Pointer into the definition; empty: all of it.'),
  message: z.string(),
  suggestion: z.string().optional(),
});

export const Validation = z
  .object({ valid: z.boolean(), problems: z.array(ProblemView) })
  .meta({ id: 'WorkflowValidation' });
export type Validation = z.infer<typeof Validation>;

export const SchedulePause = z.strictObject({ paused: z.boolean() }).meta({ id: 'WorkflowSchedulePause' });
export type SchedulePause = z.infer<typeof SchedulePause>;
