import { STATUS_CODES } from 'node:http';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type DocumentProblem, DomainError, RateLimited } from '@app/core';
import { isDatabaseAway } from '@app/database';
import { ERROR_TYPE, type ErrorType, Log, Metrics } from '@app/telemetry';
import { limitHeaders, type Problem, STATUS } from '@app/web';

interface Failure {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly type: ErrorType;
  readonly problems?: readonly DocumentProblem[];
}

/** Turns whatever a REST route throws into a problem document (RFC 9457); a bug stays opaque and is logged once, here. */
@Injectable()
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly log = new Log('REST');

  constructor(private readonly metrics: Metrics) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const failure = failureOf(error);
    if (error instanceof RateLimited) void reply.headers(limitHeaders(error.state));
    this.metrics.failed(failure.type);
    if (failure.status >= 500) this.report(error, failure.status, request);
    send(failure, request, reply);
  }

  private report(error: unknown, status: number, request: FastifyRequest): void {
    const route = `${request.method} ${request.routeOptions.url ?? request.url}`;
    const unexpected = status === 500 && error instanceof Error;
    this.log.error('Request failed', {
      status,
      route,
      requestId: request.id,
      cause: error,
      ...(unexpected && { stack: error.stack }),
    });
  }
}

/** What goes wrong before there is a route: an address that is none. */
export function refuseAddress(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  send(failureOf(error), request, reply);
}

function send({ status, code, detail, problems }: Failure, request: FastifyRequest, reply: FastifyReply): void {
  if (status === 401) void reply.header('www-authenticate', 'Bearer');
  const title = STATUS_CODES[status] ?? 'Error';
  const problem: Problem = {
    type: 'about:blank',
    title,
    status,
    detail,
    code,
    requestId: request.id,
    ...(problems !== undefined && { problems: [...problems] }),
  };
  void reply.status(status).type('application/problem+json').send(JSON.stringify(problem));
}

function failureOf(error: unknown): Failure {
  if (error instanceof DomainError)
    return {
      status: STATUS[error.code],
      code: error.code,
      detail: error.message,
      type: ERROR_TYPE[error.code],
      problems: error.problems,
    };
  if (isDatabaseAway(error))
    return {
      status: 503,
      code: 'unavailable',
      detail: 'The database cannot be reached; try again soon.',
      type: 'internal',
    };
  const status = statusOf(error);
  if (status === undefined || status >= 500)
    return {
      status: 500,
      code: 'internal',
      detail: 'Something went wrong on our side; the log has the request id.',
      type: 'internal',
    };
  const code = status === 404 ? 'not_found' : status === 413 ? 'too_large' : 'invalid';
  return { status, code, detail: messageOf(error), type: 'invalid' };
}

/** Nest's exceptions and Fastify's own (body too large, malformed JSON) both know their status. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number') return error.statusCode;
  return undefined;
}

function messageOf(error: unknown): string {
  if (!(error instanceof HttpException)) return error instanceof Error ? error.message : 'Bad request';
  const body = error.getResponse();
  const message = typeof body === 'object' && 'message' in body ? body.message : body;
  return Array.isArray(message) ? message.join('; ') : String(message);
}
