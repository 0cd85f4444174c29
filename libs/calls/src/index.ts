export { A2aCalls } from './a2a-calls.js';
export type { CallContext } from './call-context.js';
export { CallError } from './call-error.js';
export { CallsModule } from './calls.module.js';
export { HttpCalls } from './http-calls.js';
export { McpCalls } from './mcp-calls.js';
