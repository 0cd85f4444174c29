import { createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { Caller, Permission } from '@app/core';

const ALLOW = 'a2a:allow';
const PUBLIC = 'a2a:public';

/** The caller needs this permission. A route with neither `@Allow` nor `@Public` is refused to everybody. */
export const Allow = (permission: Permission) => SetMetadata(ALLOW, permission);

/** Needs no credentials. */
export const Public = () => SetMetadata(PUBLIC, true);

/** What a route declared about its access. */
export function accessOf(context: ExecutionContext): { permission: Permission | undefined; isPublic: boolean } {
  const targets = [context.getHandler(), context.getClass()];
  const read = <T>(key: string): T | undefined =>
    targets.map((target) => Reflect.getMetadata(key, target) as T | undefined).find((value) => value !== undefined);
  return { permission: read<Permission>(ALLOW), isPublic: read<boolean>(PUBLIC) ?? false };
}

/** A request after the guard behind `@Allow` let it in. */
export interface AuthenticatedRequest {
  caller?: Caller;
}

/** The authenticated caller of this request. */
export const FromCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (caller === undefined) throw new Error('@FromCaller() on a route without @Allow()');
  return caller;
});
