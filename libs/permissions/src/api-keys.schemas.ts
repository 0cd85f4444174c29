import { z } from 'zod';
import { ROLES } from '@app/core';
import { PageQuery } from '@app/web';
import { GroupName, PrincipalName } from './grants.schemas.js';

/** Longer than anybody should need to roll a new key out. */
const MAX_OVERLAP_SECONDS = 30 * 86_400;
const DAY_SECONDS = 86_400;
const MAX_GROUPS = 50;

const Expiry = z.iso.datetime({ offset: true });

export const NewApiKey = z
  .strictObject({
    name: z.string().trim().min(1).max(100).describe('What the key is for; shown in lists.'),
    roles: z
      .array(z.enum(ROLES))
      .min(1)
      .max(ROLES.length)
      .default(['user'])
      .describe('What it may do with everything; more is granted by principal or group. Only roles that you hold.'),
    groups: z.array(GroupName).max(MAX_GROUPS).default([]).describe('Groups that grants may name; needs grants:write.'),
    principal: PrincipalName.refine((name) => !name.startsWith('key:') && name !== 'admin', {
      error: 'expected user:<subject> or agent:<slug>; leave it out for a principal of its own',
    })
      .optional()
      .describe('Whose key it is; absent: a principal of its own, `key:<id>`. Needs grants:write.'),
    expiresAt: Expiry.optional().describe('Until when it opens anything; absent: until it is revoked.'),
  })
  .meta({ id: 'NewApiKey' });
export type NewApiKey = z.infer<typeof NewApiKey>;

export const Rotation = z
  .strictObject({
    overlapSeconds: z
      .int()
      .min(0)
      .max(MAX_OVERLAP_SECONDS)
      .default(DAY_SECONDS)
      .describe('How long the old key still works.'),
    expiresAt: Expiry.optional().describe('Of the new key; absent: it lives as long as the old one was made to.'),
  })
  .meta({ id: 'ApiKeyRotation' });
export type Rotation = z.infer<typeof Rotation>;

export const ApiKeyView = z
  .object({
    id: z.string(),
    name: z.string(),
    principal: z.string(),
    roles: z.array(z.string()),
    groups: z.array(z.string()),
    createdAt: z.iso.datetime(),
    createdBy: z.string().nullable(),
    expiresAt: z.iso.datetime().nullable(),
    lastUsedAt: z.iso.datetime().nullable().describe('To the minute.'),
    revokedAt: z.iso.datetime().nullable(),
    replacedBy: z.string().nullable().describe('Id of the key that it was rotated to.'),
  })
  .meta({ id: 'ApiKey' });
export type ApiKeyView = z.infer<typeof ApiKeyView>;

export const CreatedApiKey = ApiKeyView.extend({ key: z.string().describe('Shown only here.') }).meta({
  id: 'CreatedApiKey',
});
export type CreatedApiKey = z.infer<typeof CreatedApiKey>;

export const ApiKeyPage = z
  .object({ items: z.array(ApiKeyView), nextPageToken: z.string().optional() })
  .meta({ id: 'ApiKeyPage' });

export const ApiKeyQuery = PageQuery.extend({ principal: PrincipalName.optional() });
export type ApiKeyQuery = z.infer<typeof ApiKeyQuery>;
