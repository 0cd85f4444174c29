import { DomainError, type ErrorCode, isJsonObject, type JsonObject } from '@app/core';
import { cleanText, optionalText } from './clean.js';

/** How much of an agent's own words goes into a message. */
const MAX_MESSAGE_LENGTH = 500;

/** A2A's names for the numbers of JSON-RPC; 1.0 agents also send the name. */
const REASONS = new Map<unknown, string>([
  [-32001, 'TASK_NOT_FOUND'],
  [-32002, 'TASK_NOT_CANCELABLE'],
  [-32003, 'PUSH_NOTIFICATION_NOT_SUPPORTED'],
  [-32004, 'UNSUPPORTED_OPERATION'],
  [-32005, 'CONTENT_TYPE_NOT_SUPPORTED'],
  [-32006, 'INVALID_AGENT_RESPONSE'],
  [-32007, 'EXTENDED_AGENT_CARD_NOT_CONFIGURED'],
  [-32008, 'EXTENSION_SUPPORT_REQUIRED'],
  [-32009, 'VERSION_NOT_SUPPORTED'],
  [-32600, 'INVALID_REQUEST'],
  [-32601, 'METHOD_NOT_FOUND'],
  [-32602, 'INVALID_PARAMS'],
  [-32603, 'INTERNAL'],
]);

const CODES = new Map<string, ErrorCode>([
  ['TASK_NOT_FOUND', 'not_found'],
  ['TASK_NOT_CANCELABLE', 'conflict'],
  ['UNSUPPORTED_OPERATION', 'conflict'],
  ['CONTENT_TYPE_NOT_SUPPORTED', 'invalid'],
  ['INVALID_REQUEST', 'invalid'],
  ['INVALID_PARAMS', 'invalid'],
]);

/** The reason of an error that A2A has no name for. */
export const UNKNOWN = 'UNKNOWN';

/** The agent answered, and its answer is an error. */
export class AgentError extends DomainError {
  constructor(
    /** A2A's name for it (`TASK_NOT_FOUND`), or `CREDENTIALS_REFUSED`, or `UNKNOWN`. */
    readonly reason: string,
    message: string,
    /** The number the agent gave: of JSON-RPC or of HTTP. */
    readonly agentCode?: number,
  ) {
    super(CODES.get(reason) ?? 'unavailable', message);
    this.name = 'AgentError';
  }
}

/** The error in an answer of either binding and version; undefined when there is none. */
export function readAgentError(body: unknown, host: string): AgentError | undefined {
  const error = errorMember(body);
  if (!error) return undefined;
  const reason = errorInfoReason(error) ?? REASONS.get(error.code) ?? optionalText(error.status) ?? UNKNOWN;
  const words = cleanText(optionalText(error.message) ?? reason).slice(0, MAX_MESSAGE_LENGTH);
  return new AgentError(
    reason,
    `The agent at ${host} answered with an error: ${words}`,
    typeof error.code === 'number' ? error.code : undefined,
  );
}

/** JSON-RPC and 1.0 over HTTP+JSON say `{error: {…}}`; 0.3 over HTTP+JSON sends the bare error. */
function errorMember(body: unknown): JsonObject | undefined {
  if (!isJsonObject(body)) return undefined;
  if (isJsonObject(body.error)) return body.error;
  return typeof body.code === 'number' && typeof body.message === 'string' ? body : undefined;
}

function errorInfoReason(error: JsonObject): string | undefined {
  const details = Array.isArray(error.data) ? error.data : error.details;
  if (!Array.isArray(details)) return undefined;
  const info = details.find((detail) => isJsonObject(detail) && typeof detail.reason === 'string');
  return isJsonObject(info) ? optionalText(info.reason) : undefined;
}
