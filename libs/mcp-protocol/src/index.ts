export type {
  ClientCancel,
  ClientResponse,
  Handler,
  Host,
  InputRequest,
  InputRequired,
  LogLevel,
  Principal,
  Request,
  Tool,
} from './host.js';
export { DEFAULT_LIMITS, type Limits } from './limits.js';
export { McpServer, type McpServerOptions } from './mcp-server.js';
export { RpcCode, RpcError, TASKS_EXTENSION } from './rpc.js';
export type { Sealer } from './sealed-session.js';
export type { ChangeKind } from './streams.js';
export type { Frames } from './wire.js';
