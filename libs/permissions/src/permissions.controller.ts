import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { type Caller, ROLES } from '@app/core';
import { Allow, FromCaller, type Page } from '@app/web';
import { Explanations } from './explanations.js';
import {
  Approval,
  Decided,
  Explanation,
  GrantId,
  GrantPage,
  GrantQuery,
  GrantView,
  NewGrant,
  NewPermissionRequest,
  OwnPermissions,
  PermissionRequestPage,
  PermissionRequestQuery,
  PermissionRequestView,
  Question,
  RequestId,
  RolesView,
} from './grants.schemas.js';
import { GrantsService } from './grants.service.js';
import { PermissionRequestsService } from './permission-requests.service.js';
import { ROLE_PERMISSIONS } from './roles.js';

const Revoked = z.object({ revoked: z.array(z.string()).describe('Its id, and those of grants handed on from it.') });
const Approved = z.object({ request: PermissionRequestView, grant: GrantView });

/** Every authenticated caller may come here; what it sees and may do is decided grant by grant. */
@ApiTags('Permissions')
@Controller('api/v1/permissions')
export class PermissionsController {
  constructor(
    private readonly grants: GrantsService,
    private readonly requests: PermissionRequestsService,
    private readonly explanations: Explanations,
  ) {}

  @Post('grants')
  @Allow('requests:write')
  @ApiCreatedResponse({ description: 'The grant; holds everywhere within a second.', standardSchema: GrantView })
  async grant(
    @FromCaller() caller: Caller,
    @Body({ schema: NewGrant }) input: NewGrant,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GrantView> {
    const grant = await this.grants.create(caller, input);
    void reply.header('location', `/api/v1/permissions/grants/${grant.id}`);
    return grant;
  }

  @Get('grants')
  @Allow('requests:write')
  @ApiOkResponse({
    description: 'Grants, newest first; without grants:read those that concern you.',
    standardSchema: GrantPage,
  })
  listGrants(@FromCaller() caller: Caller, @Query({ schema: GrantQuery }) query: GrantQuery): Promise<Page<GrantView>> {
    return this.grants.list(caller, query);
  }

  @Get('grants/:id')
  @Allow('requests:write')
  @ApiOkResponse({ standardSchema: GrantView })
  getGrant(@FromCaller() caller: Caller, @Param('id', { schema: GrantId }) id: string): Promise<GrantView> {
    return this.grants.get(caller, id);
  }

  @Delete('grants/:id')
  @Allow('requests:write')
  @ApiOkResponse({ description: 'Revoked, with all that was handed on from it.', standardSchema: Revoked })
  async revoke(
    @FromCaller() caller: Caller,
    @Param('id', { schema: GrantId }) id: string,
    @Query({ schema: Decided }) { reason }: Decided,
  ): Promise<z.infer<typeof Revoked>> {
    return { revoked: [...(await this.grants.revoke(caller, id, reason))] };
  }

  @Post('requests')
  @Allow('requests:write')
  @ApiCreatedResponse({ description: 'Waits for approval, for 24 hours.', standardSchema: PermissionRequestView })
  async request(
    @FromCaller() caller: Caller,
    @Body({ schema: NewPermissionRequest }) input: NewPermissionRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PermissionRequestView> {
    const request = await this.requests.create(caller, input);
    void reply.header('location', `/api/v1/permissions/requests/${request.id}`);
    return request;
  }

  @Get('requests')
  @Allow('requests:write')
  @ApiOkResponse({ description: 'Requests, newest first.', standardSchema: PermissionRequestPage })
  listRequests(
    @FromCaller() caller: Caller,
    @Query({ schema: PermissionRequestQuery }) query: PermissionRequestQuery,
  ): Promise<Page<PermissionRequestView>> {
    return this.requests.list(caller, query);
  }

  @Get('requests/:id')
  @Allow('requests:write')
  @ApiOkResponse({ standardSchema: PermissionRequestView })
  getRequest(
    @FromCaller() caller: Caller,
    @Param('id', { schema: RequestId }) id: string,
  ): Promise<PermissionRequestView> {
    return this.requests.get(caller, id);
  }

  @Post('requests/:id/approve')
  @HttpCode(200)
  @Allow('requests:write')
  @ApiOkResponse({ description: 'The request and the grant made of it.', standardSchema: Approved })
  approve(
    @FromCaller() caller: Caller,
    @Param('id', { schema: RequestId }) id: string,
    @Body({ schema: Approval }) approval: Approval,
  ): Promise<z.infer<typeof Approved>> {
    return this.requests.approve(caller, id, approval);
  }

  @Post('requests/:id/deny')
  @HttpCode(200)
  @Allow('requests:write')
  @ApiOkResponse({ description: 'Denied, or taken back by who asked.', standardSchema: PermissionRequestView })
  deny(
    @FromCaller() caller: Caller,
    @Param('id', { schema: RequestId }) id: string,
    @Body({ schema: Decided }) { reason }: Decided,
  ): Promise<PermissionRequestView> {
    return this.requests.deny(caller, id, reason);
  }

  @Get('roles')
  @Allow('requests:write')
  @ApiOkResponse({ description: 'What each role may do, with everything there is.', standardSchema: RolesView })
  roles(): RolesView {
    return { items: ROLES.map((role) => ({ role, permissions: [...ROLE_PERMISSIONS[role]] })) };
  }

  @Get('me')
  @Allow('requests:write')
  @ApiOkResponse({ description: 'What you may do, and what you asked for.', standardSchema: OwnPermissions })
  own(@FromCaller() caller: Caller): Promise<OwnPermissions> {
    return this.explanations.own(caller);
  }

  @Post('explain')
  @HttpCode(200)
  @Allow('requests:write')
  @ApiOkResponse({ description: 'Yes or no, and which roles and grants decided.', standardSchema: Explanation })
  explain(@FromCaller() caller: Caller, @Body({ schema: Question }) question: Question): Promise<Explanation> {
    return this.explanations.explain(caller, question);
  }
}
