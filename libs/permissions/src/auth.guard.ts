import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { accessOf, type AuthenticatedRequest, ClientAddress } from '@app/web';
import { Authenticator } from './authenticator.js';

/** Says who is calling, where `@Public` does not say that anybody may. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly address: ClientAddress,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (accessOf(context).isPublic) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest & AuthenticatedRequest>();
    request.caller = await this.authenticator.authenticate(request.headers, this.address.of(request.raw));
    return true;
  }
}
