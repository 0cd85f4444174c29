import type { IncomingHttpHeaders } from 'node:http';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { DomainError } from '@app/core';
import { accessOf, type AuthenticatedRequest } from '@app/web';
import { Authenticator } from './authenticator.js';

/** The guard behind `@Allow` and `@Public`. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(private readonly authenticator: Authenticator) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { permission, isPublic } = accessOf(context);
    if (isPublic) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest & { headers: IncomingHttpHeaders }>();
    request.caller = await this.authenticator.authenticate(request.headers);
    if (permission === undefined || !request.caller.permissions.has(permission))
      throw new DomainError('forbidden', `Needs the permission ${permission ?? '(none declared)'}`);
    return true;
  }
}
