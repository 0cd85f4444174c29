export { resourceOf } from './agent-access.js';
export { AgentDirectory, type DirectoryEntry } from './agent-directory.js';
export type { AgentTool } from './agent-tools.js';
export { AgentTotals } from './agent-totals.js';
export { AgentsModule } from './agents.module.js';
