import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { accessOf, type AuthenticatedRequest } from '@app/web';
import { Permissions } from './permissions.js';

/**
 * The guard behind `@Allow`. What is about one thing is decided where the thing is known. Runs after the rate limits: a refusal
 * counts as a request, and each is audited.
 */
@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(private readonly permissions: Permissions) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { permission, isPublic } = accessOf(context);
    if (isPublic) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest & AuthenticatedRequest>();
    const { caller, method, url } = request;
    if (permission === undefined || caller === undefined) throw new Error(`${method} ${url} declares no permission`);
    const access = await this.permissions.accessOf(caller);
    if (!access.mayAnywhere(permission))
      throw this.permissions.forbidden(caller, permission, `Needs the permission ${permission}`);
    return true;
  }
}
