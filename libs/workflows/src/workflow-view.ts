import type { Workflow } from './workflow.entity.js';
import type { WorkflowView } from './workflows.schemas.js';

/** What callers see of a workflow. */
export function workflowViewOf(workflow: Workflow): WorkflowView {
  const { name, namespace, version, status, title, summary, tags, definition, digest, createdBy } = workflow;
  const { schedule, paused, nextAt, createdAt, updatedAt } = workflow;
  return {
    name,
    namespace,
    version,
    status,
    ...(title !== null && { title }),
    ...(summary !== null && { summary }),
    tags,
    definition: { ...definition },
    ...(schedule !== null && { schedule: { paused, ...(nextAt !== null && { nextAt: nextAt.toISOString() }) } }),
    digest,
    createdBy,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
