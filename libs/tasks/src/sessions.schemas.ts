import { z } from 'zod';
import { PageQuery } from '@app/web';

export const SessionId = z.uuid('expected the id of a session: a UUID').describe('Id of a session.');

export const NewSession = z
  .strictObject({
    sessionId: SessionId.optional().describe('A UUID to call it by; the same one gives the same session again.'),
  })
  .meta({ id: 'NewSession' });
export type NewSession = z.infer<typeof NewSession>;

export const SessionQuery = PageQuery;
export type SessionQuery = PageQuery;

export const SessionView = z
  .object({
    sessionId: z.uuid(),
    contexts: z.record(z.string(), z.string()).describe("The agents' `contextId`s, by slug."),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().describe('To the minute.'),
    expiresAt: z.iso.datetime().describe('Unless it is used before.'),
  })
  .meta({ id: 'Session' });
export type SessionView = z.infer<typeof SessionView>;

export const SessionPage = z
  .object({ items: z.array(SessionView), nextPageToken: z.string().optional() })
  .meta({ id: 'SessionPage' });
