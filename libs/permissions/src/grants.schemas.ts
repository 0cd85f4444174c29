import { z } from 'zod';
import { type Permission, PERMISSIONS, ROLES } from '@app/core';
import { PageQuery } from '@app/web';
import { clockIn } from './time-range.js';

const MAX_SELECTORS = 100;
const MAX_REASON_LENGTH = 1_000;
/** The longest that a principal or a group may be called. */
const MAX_NAME_LENGTH = 256;

export const Action = z.enum(PERMISSIONS as readonly [Permission, ...Permission[]]);

export const PrincipalName = z
  .string()
  .max(MAX_NAME_LENGTH)
  .regex(/^(admin|(key|user|agent):\S.*)$/, 'expected admin, key:<id>, user:<subject> or agent:<slug>')
  .describe('`key:<id>`, `user:<subject>` or `agent:<slug>`.');
export const GroupName = z
  .string()
  .trim()
  .min(1)
  .max(MAX_NAME_LENGTH)
  .describe('A group, as keys and identity provider name it; `*` is everybody who is authenticated.');

const SkillName = z.string().min(1).max(200);
const SelectorInput = z
  .strictObject({
    agent: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/, 'expected the slug of an agent')
      .optional(),
    skill: SkillName.optional().describe('Id of a skill.'),
    tag: z.string().min(1).max(64).optional(),
    category: z.string().min(1).max(64).optional(),
    workflow: z.string().min(1).max(128).optional().describe('Name of a workflow.'),
  })
  .refine(
    (selector) => Object.keys(selector).length > 0,
    'expected at least one of agent, skill, tag, category, workflow',
  )
  .meta({ id: 'Selector' });
export type SelectorInput = z.infer<typeof SelectorInput>;

const Resources = z
  .union([z.literal('*'), z.array(SelectorInput).min(1).max(MAX_SELECTORS)])
  .describe('`*` for everything, or what it is about: a thing must fit all that one of the entries names.');

const Time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected HH:MM');
const TimeRangeShape = z
  .strictObject({
    from: Time,
    to: Time.describe('Does not belong to the range; before `from` it is of the next day.'),
    timeZone: z
      .string()
      .max(64)
      .refine(isTimeZone, 'expected an IANA time zone such as Europe/Berlin')
      .default('UTC')
      .describe('IANA name.'),
    days: z.array(z.int().min(1).max(7)).min(1).max(7).optional().describe('1 is Monday; absent: every day.'),
  })
  .meta({ id: 'TimeRange' });

const Actions = z.array(Action).min(1).max(PERMISSIONS.length);
const Reason = z.string().trim().max(MAX_REASON_LENGTH);

const GrantFields = {
  actions: Actions.describe('`agents:call` and `agents:write` include `agents:read`.'),
  resources: Resources,
  timeRange: TimeRangeShape.optional().describe('When it counts, day by day.'),
  expiresAt: z.iso.datetime({ offset: true }).optional().describe('Until when; absent: until it is revoked.'),
  reason: Reason.optional().describe('Why; shown to who reviews it.'),
};

export const NewGrant = z
  .strictObject({
    principal: PrincipalName.optional(),
    group: GroupName.optional(),
    effect: z.enum(['allow', 'deny']).default('allow').describe('Deny wins over every allow.'),
    ...GrantFields,
    delegable: z.boolean().default(false).describe('Whether its holder may hand it on, whole or in part.'),
  })
  .refine(({ principal, group }) => (principal === undefined) !== (group === undefined), {
    path: ['principal'],
    error: 'expected exactly one of principal and group',
  })
  .meta({ id: 'NewGrant' });
export type NewGrant = z.infer<typeof NewGrant>;

export const NewPermissionRequest = z
  .strictObject({ ...GrantFields, reason: Reason.min(1).describe('Why it is needed.') })
  .meta({ id: 'NewPermissionRequest' });
export type NewPermissionRequest = z.infer<typeof NewPermissionRequest>;

export const GrantId = z
  .string()
  .regex(/^[1-9]\d{0,17}$/, 'expected the id of a grant')
  .describe('Id of a grant.');
export const RequestId = z
  .string()
  .regex(/^[1-9]\d{0,17}$/, 'expected the id of a permission request')
  .describe('Id of a permission request.');

export const Decided = z.strictObject({ reason: Reason.optional() }).meta({ id: 'DecisionReason' });
export type Decided = z.infer<typeof Decided>;

export const Approval = z
  .strictObject({
    reason: Reason.optional(),
    expiresAt: GrantFields.expiresAt.describe('Until when, if not as long as was asked for.'),
    delegable: z.boolean().default(false),
  })
  .meta({ id: 'Approval' });
export type Approval = z.infer<typeof Approval>;

export const GRANT_STATES = ['active', 'expired', 'revoked'] as const;
export const REQUEST_STATES = ['pending', 'approved', 'denied', 'expired'] as const;

const SelectorView = z.object({
  agent: z.string().optional().describe('Slug; absent with `agentId` given: that agent is gone.'),
  agentId: z.string().optional().describe('A grant is bound to the agent itself, not to its slug.'),
  skill: z.string().optional(),
  tag: z.string().optional(),
  category: z.string().optional(),
  workflow: z.string().optional(),
});
const ResourcesView = z.union([z.literal('*'), z.array(SelectorView)]);

export const GrantView = z
  .object({
    id: z.string(),
    principal: z.string().optional(),
    group: z.string().optional(),
    effect: z.enum(['allow', 'deny']),
    actions: z.array(Action),
    resources: ResourcesView,
    timeRange: TimeRangeShape.optional(),
    expiresAt: z.iso.datetime().optional(),
    delegable: z.boolean(),
    reason: z.string().optional(),
    state: z.enum(GRANT_STATES),
    parentId: z.string().optional().describe('The grant that was handed on.'),
    createdBy: z.string(),
    createdAt: z.iso.datetime(),
    revokedAt: z.iso.datetime().optional(),
    revokedBy: z.string().optional(),
    revokeReason: z.string().optional(),
  })
  .meta({ id: 'Grant' });
export type GrantView = z.infer<typeof GrantView>;
export const GrantPage = z
  .object({ items: z.array(GrantView), nextPageToken: z.string().optional() })
  .meta({ id: 'GrantPage' });

export const GrantQuery = PageQuery.extend({
  principal: PrincipalName.optional(),
  group: GroupName.optional(),
  agent: z.string().max(64).optional().describe('Slug: grants that name this agent.'),
  state: z.enum(GRANT_STATES).optional(),
});
export type GrantQuery = z.infer<typeof GrantQuery>;

export const PermissionRequestView = z
  .object({
    id: z.string(),
    principal: z.string(),
    actions: z.array(Action),
    resources: z.union([z.literal('*'), z.array(SelectorInput)]),
    timeRange: TimeRangeShape.optional(),
    expiresAt: z.iso.datetime().optional(),
    reason: z.string(),
    state: z.enum(REQUEST_STATES),
    requestExpiresAt: z.iso.datetime().describe('After this nobody can approve it any more.'),
    createdAt: z.iso.datetime(),
    decidedBy: z.string().optional(),
    decidedAt: z.iso.datetime().optional(),
    decisionReason: z.string().optional(),
    grantId: z.string().optional(),
  })
  .meta({ id: 'PermissionRequest' });
export type PermissionRequestView = z.infer<typeof PermissionRequestView>;
export const PermissionRequestPage = z
  .object({ items: z.array(PermissionRequestView), nextPageToken: z.string().optional() })
  .meta({ id: 'PermissionRequestPage' });

export const PermissionRequestQuery = PageQuery.extend({
  principal: PrincipalName.optional(),
  state: z.enum(REQUEST_STATES).optional(),
});
export type PermissionRequestQuery = z.infer<typeof PermissionRequestQuery>;

const RoleName = z.enum(ROLES);
export const RolesView = z
  .object({ items: z.array(z.object({ role: RoleName, permissions: z.array(Action) })) })
  .meta({ id: 'Roles' });
export type RolesView = z.infer<typeof RolesView>;

export const OwnPermissions = z
  .object({
    principal: z.string(),
    roles: z.array(RoleName),
    groups: z.array(z.string()),
    permissions: z.array(Action).describe('What the roles give, with everything there is.'),
    grants: z.array(GrantView).describe('Those in force, of the principal and its groups.'),
    requests: z.array(PermissionRequestView).describe('Those that nobody has decided yet.'),
  })
  .meta({ id: 'OwnPermissions' });
export type OwnPermissions = z.infer<typeof OwnPermissions>;

export const Question = z
  .strictObject({
    principal: PrincipalName.optional().describe('Absent: yourself.'),
    groups: z
      .array(GroupName)
      .max(200)
      .optional()
      .describe('Groups of the principal that the server cannot know: those of an identity provider.'),
    roles: z.array(RoleName).optional().describe('Likewise; those of API keys are known.'),
    action: Action,
    agent: z.string().max(64).optional().describe('Slug.'),
    skill: SkillName.optional(),
    workflow: z.string().max(128).optional(),
    at: z.iso.datetime({ offset: true }).optional().describe('When; absent: now.'),
  })
  .meta({ id: 'PermissionQuestion' });
export type Question = z.infer<typeof Question>;

export const Explanation = z
  .object({
    allowed: z.boolean(),
    why: z.string(),
    roles: z.array(RoleName).describe('The roles that allow it.'),
    grants: z.array(GrantView).describe('The grants that decided: those that deny, else those that allow.'),
  })
  .meta({ id: 'PermissionExplanation' });
export type Explanation = z.infer<typeof Explanation>;

function isTimeZone(name: string): boolean {
  try {
    clockIn(name, new Date());
    return true;
  } catch {
    return false;
  }
}
