import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { accessOf, type AuthenticatedRequest, ClientAddress } from '@app/web';
import { Authenticator } from './authenticator.js';
import { Permissions } from './permissions.js';

/** The guard behind `@Allow` and `@Public`. What is about one thing is decided where the thing is known. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly permissions: Permissions,
    private readonly address: ClientAddress,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { permission, isPublic } = accessOf(context);
    if (isPublic) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest & AuthenticatedRequest>();
    request.caller = await this.authenticator.authenticate(request.headers, this.address.of(request.raw));
    const access = await this.permissions.accessOf(request.caller);
    if (permission === undefined) throw new Error(`${request.method} ${request.url} declares no permission`);
    if (!access.mayAnywhere(permission))
      throw this.permissions.forbidden(request.caller, permission, `Needs the permission ${permission}`);
    return true;
  }
}
