export type {
  ClientCancel,
  ClientResponse,
  Handler,
  Host,
  InputRequest,
  InputRequired,
  Principal,
  Request,
  Tool,
} from './host.js';
export type { Limits } from './limits.js';
export { McpServer } from './mcp-server.js';
export { NOT_SERVED, OriginGuard } from './origin-guard.js';
export { CANCELLED_BY_CLIENT, Refusal, RpcCode, RpcError, TASKS_EXTENSION } from './rpc.js';
export type { ChangeKind } from './streams.js';
export type { Frames } from './wire.js';
