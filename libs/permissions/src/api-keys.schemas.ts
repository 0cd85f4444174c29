import { z } from 'zod';
import { PageQuery } from '@app/web';

export const NewApiKey = z
  .strictObject({ name: z.string().trim().min(1).max(100).describe('What the key is for; shown in lists.') })
  .meta({ id: 'NewApiKey' });
export type NewApiKey = z.infer<typeof NewApiKey>;

export const ApiKeyView = z
  .object({
    id: z.string(),
    name: z.string(),
    createdAt: z.iso.datetime(),
    revokedAt: z.iso.datetime().nullable(),
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

export const ApiKeyQuery = PageQuery;
