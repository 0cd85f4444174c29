import { DomainError, type ErrorCode } from '@app/core';

const FAILURES: ReadonlyMap<unknown, readonly [ErrorCode, string]> = new Map([
  ['UND_ERR_CONNECT_TIMEOUT', ['timeout', 'no connection in time']],
  ['ETIMEDOUT', ['timeout', 'no connection in time']],
  ['UND_ERR_HEADERS_TIMEOUT', ['timeout', 'no answer in time']],
  ['UND_ERR_BODY_TIMEOUT', ['timeout', 'the answer stopped in the middle']],
  ['UND_ERR_HEADERS_OVERFLOW', ['too_large', 'the headers of the answer are too large']],
  ['UND_ERR_DESTROYED', ['unavailable', 'this server is shutting down']],
  ['ENOTFOUND', ['unavailable', 'the name does not exist']],
  ['EAI_AGAIN', ['unavailable', 'the name cannot be resolved at the moment']],
  ['ECONNREFUSED', ['unavailable', 'the connection was refused']],
  ['ECONNRESET', ['unavailable', 'the connection was reset']],
  ['EHOSTUNREACH', ['unavailable', 'there is no route to the host']],
  ['ENETUNREACH', ['unavailable', 'there is no route to the network']],
] as const);

/** What went wrong between us and the host, in our words. The host is all that is told of the URL, which may hold a key. */
export function asDomainError(error: unknown, host: string): DomainError {
  if (error instanceof DomainError) return error;
  const reason = error instanceof Error ? error : new Error(String(error));
  const code = 'code' in reason ? reason.code : undefined;
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED')
    return new DomainError('invalid', `The request to ${host} is malformed: ${reason.message}`, { cause: error });
  const [kind, words] = FAILURES.get(code) ?? (['unavailable', reason.message] as const);
  return new DomainError(kind, `${host} cannot be reached: ${words}`, { cause: error });
}
