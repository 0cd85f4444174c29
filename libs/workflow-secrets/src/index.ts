export { WorkflowSecrets } from './workflow-secrets.service.js';
export { WorkflowSecretsModule } from './workflow-secrets.module.js';
