import type { ServerResponse } from 'node:http';
import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  InjectThrottlerOptions,
  InjectThrottlerStorage,
  ThrottlerGuard,
  type ThrottlerModuleOptions,
  type ThrottlerRequest,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import { type AuthenticatedRequest, ClientAddress } from '@app/web';
import { RateLimiter } from './rate-limiter.js';

/**
 * The throttler guard of REST. What it asks is the limiter that the other doors ask too; the standing of the caller is told in
 * the `RateLimit-*` headers of every answer. Runs after the guard that says who is calling.
 */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  constructor(
    @InjectThrottlerOptions() options: ThrottlerModuleOptions,
    @InjectThrottlerStorage() storage: ThrottlerStorage,
    reflector: Reflector,
    private readonly limiter: RateLimiter,
    private readonly address: ClientAddress,
  ) {
    super(options, storage, reflector);
  }

  protected override async handleRequest({ context }: ThrottlerRequest): Promise<boolean> {
    const { request, response } = partsOf(context);
    const { caller } = request;
    const standing =
      caller === undefined
        ? await this.limiter.admitStranger(this.address.of(request.raw))
        : await this.limiter.admit(caller, bytesOf(request));
    response.setHeader('ratelimit-limit', standing.burst);
    response.setHeader('ratelimit-remaining', standing.remaining);
    response.setHeader('ratelimit-reset', standing.resetSeconds);
    return true;
  }
}

function partsOf(context: ExecutionContext) {
  const http = context.switchToHttp();
  return {
    request: http.getRequest<FastifyRequest & AuthenticatedRequest>(),
    response: http.getResponse<{ raw: ServerResponse }>().raw,
  };
}

/** What is sent in chunks says nothing of its length; what came of it does. */
function bytesOf({ headers, body }: FastifyRequest): number {
  const told = headers['content-length'];
  if (told !== undefined) return Number(told);
  return body === undefined || body === null ? 0 : Buffer.byteLength(JSON.stringify(body));
}
