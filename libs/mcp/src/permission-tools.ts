import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Caller } from '@app/core';
import type { Tool } from '@app/mcp-protocol';
import { Explanations, GrantsService, PermissionRequestsService, permissionSchemas as schemas } from '@app/permissions';
import { serverTool } from './structured-tool.js';

const Decision = z.strictObject({
  requestId: schemas.RequestId,
  decision: z.enum(['approve', 'deny']).default('approve'),
  ...schemas.Approval.shape,
});
const Decided = z.object({ request: schemas.PermissionRequestView, grant: schemas.GrantView.optional() });
const Revocation = z.strictObject({ grantId: schemas.GrantId, ...schemas.Decided.shape });
const Revoked = z.object({ revoked: z.array(z.string()).describe('Its id, and those of grants handed on from it.') });

/** Permissions from inside an MCP client: asking for them, and giving them for those who may. */
@Injectable()
export class PermissionTools {
  /** For everybody. */
  readonly asking: readonly Tool<Caller>[];
  /** For who may grant something. */
  readonly granting: readonly Tool<Caller>[];

  constructor(grants: GrantsService, requests: PermissionRequestsService, explanations: Explanations) {
    this.asking = [
      serverTool({
        name: 'request_permission',
        title: 'Ask for a permission',
        description:
          'Asks those who may grant it for a permission, such as to call an agent. They have 24 hours to decide.',
        input: schemas.NewPermissionRequest,
        output: schemas.PermissionRequestView,
        isReadOnly: false,
        run: ({ caller }, input) => requests.create(caller, input),
      }),
      serverTool({
        name: 'list_permissions',
        title: 'List your permissions',
        description: 'Tells what you may do: your roles and grants, and what you asked for.',
        input: z.strictObject({}),
        output: schemas.OwnPermissions,
        isReadOnly: true,
        run: ({ caller }) => explanations.own(caller),
      }),
    ];
    this.granting = [
      serverTool({
        name: 'grant_permission',
        title: 'Grant a permission',
        description: 'Allows or denies a principal or a group some actions on some agents. Deny wins over every allow.',
        input: schemas.NewGrant,
        output: schemas.GrantView,
        isReadOnly: false,
        run: ({ caller }, input) => grants.create(caller, input),
      }),
      serverTool({
        name: 'approve_permission',
        title: 'Decide on a permission request',
        description: 'Approves or denies what somebody asked for with request_permission.',
        input: Decision,
        output: Decided,
        isReadOnly: false,
        run: async ({ caller }, { requestId, decision, ...approval }) =>
          decision === 'approve'
            ? requests.approve(caller, requestId, approval)
            : { request: await requests.deny(caller, requestId, approval.reason) },
      }),
      serverTool({
        name: 'revoke_permission',
        title: 'Revoke a grant',
        description: 'Revokes a grant, and all that was handed on from it.',
        input: Revocation,
        output: Revoked,
        isReadOnly: false,
        run: async ({ caller }, { grantId, reason }) => ({
          revoked: [...(await grants.revoke(caller, grantId, reason))],
        }),
      }),
    ];
  }
}
