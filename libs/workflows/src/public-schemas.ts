export { ApprovalId, ApprovalView } from './approvals.schemas.js';
export { RunId } from './runs.schemas.js';
export { NewWorkflow, WorkflowName, WorkflowVersion } from './workflows.schemas.js';
