export type { Call } from './call.js';
export { type Caller, PERMISSIONS, type Permission, type Role, ROLES } from './caller.js';
export { type DocumentProblem, DomainError, type ErrorCode, type LimitState, RateLimited } from './errors.js';
export { isDeeperThan, isJsonObject, type JsonObject } from './json.js';
export { type Trace, traceHeaders, traceIn } from './trace.js';
