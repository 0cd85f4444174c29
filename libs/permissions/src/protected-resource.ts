import { Injectable } from '@nestjs/common';
import { Config } from '@app/config';
import { DomainError } from '@app/core';
import { InsufficientScope } from './insufficient-scope.js';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** The MCP door as an OAuth 2.1 protected resource (RFC 9728). Without an issuer there is none, and clients use their key. */
@Injectable()
export class ProtectedResource {
  constructor(private readonly config: Config) {}

  /** @param path under `/.well-known/oauth-protected-resource`. Undefined: there is no such resource */
  metadataFor(path: string): Record<string, unknown> | undefined {
    const { oidc } = this.config;
    if (oidc === undefined || path !== new URL(oidc.resource).pathname) return undefined;
    return {
      resource: oidc.resource,
      authorization_servers: [oidc.issuer],
      bearer_methods_supported: ['header'],
      ...(oidc.scopes.length > 0 && { scopes_supported: [...oidc.scopes] }),
      resource_name: 'A2A MCP Server',
    };
  }

  /** `WWW-Authenticate` of a refusal at the MCP door. @param error undefined: no credentials were shown */
  challenge(error: DomainError): string | undefined {
    const { oidc } = this.config;
    const isScope = error instanceof InsufficientScope;
    if (error.code !== 'unauthenticated' && !isScope) return undefined;
    if (oidc === undefined) return 'Bearer';
    const { origin, pathname } = new URL(oidc.resource);
    const parts = [
      ...(isScope ? ['error="insufficient_scope"'] : []),
      `resource_metadata="${origin}${WELL_KNOWN}${pathname}"`,
      ...(oidc.scopes.length > 0 ? [`scope="${oidc.scopes.join(' ')}"`] : []),
    ];
    return `Bearer ${parts.join(', ')}`;
  }
}
