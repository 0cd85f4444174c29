export { Approvals } from './approvals.service.js';
export { RunsService } from './runs.service.js';
export { resourceOf, WorkflowDirectory } from './workflow-directory.js';
export type { Workflow } from './workflow.entity.js';
export { WorkflowsModule } from './workflows.module.js';
export { WorkflowsService } from './workflows.service.js';
export * as workflowSchemas from './public-schemas.js';
