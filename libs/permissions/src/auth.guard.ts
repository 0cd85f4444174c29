import type { IncomingHttpHeaders } from 'node:http';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { DomainError } from '@app/core';
import { accessOf, type AuthenticatedRequest } from '@app/web';
import { Authenticator } from './authenticator.js';
import { Permissions } from './permissions.js';

/** The guard behind `@Allow` and `@Public`. What is about one thing is decided where the thing is known. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly permissions: Permissions,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { permission, isPublic } = accessOf(context);
    if (isPublic) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest & { headers: IncomingHttpHeaders }>();
    request.caller = await this.authenticator.authenticate(request.headers);
    const access = await this.permissions.accessOf(request.caller);
    if (permission === undefined || !access.mayAnywhere(permission))
      throw new DomainError('forbidden', `Needs the permission ${permission ?? '(none declared)'}`);
    return true;
  }
}
