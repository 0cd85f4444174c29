export { McpEndpoint } from './mcp-endpoint.js';
export { McpModule } from './mcp.module.js';
