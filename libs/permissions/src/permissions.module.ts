import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { RateLimitGuard } from '@app/rate-limits';
import { ApiKey } from './api-key.entity.js';
import { ApiKeysController } from './api-keys.controller.js';
import { ApiKeysService } from './api-keys.service.js';
import { AuthGuard } from './auth.guard.js';
import { Authenticator } from './authenticator.js';
import { BootstrapKey } from './bootstrap-key.js';
import { Explanations } from './explanations.js';
import { GrantRow } from './grant.entity.js';
import { GrantsService } from './grants.service.js';
import { KeyUse } from './key-use.js';
import { Oidc } from './oidc.js';
import { PermissionRequestRow } from './permission-request.entity.js';
import { PermissionRequestsService } from './permission-requests.service.js';
import { PermissionGuard } from './permission.guard.js';
import { Permissions } from './permissions.js';
import { ProtectedResource } from './protected-resource.js';
import { ProtectedResourceController } from './protected-resource.controller.js';
import { PermissionsController } from './permissions.controller.js';

@Global()
@Module({
  imports: [TypeOrmModule.forFeature([ApiKey, GrantRow, PermissionRequestRow])],
  controllers: [ApiKeysController, PermissionsController, ProtectedResourceController],
  providers: [
    ApiKeysService,
    Authenticator,
    BootstrapKey,
    Explanations,
    GrantsService,
    KeyUse,
    Oidc,
    ProtectedResource,
    PermissionRequestsService,
    Permissions,
    // In this order: who is calling, how often, whether they may.
    { provide: APP_GUARD, useClass: AuthGuard },
    { provide: APP_GUARD, useClass: RateLimitGuard },
    { provide: APP_GUARD, useClass: PermissionGuard },
  ],
  exports: [
    ApiKeysService,
    Authenticator,
    BootstrapKey,
    Explanations,
    GrantsService,
    PermissionRequestsService,
    Permissions,
    ProtectedResource,
  ],
})
export class PermissionsModule {}
