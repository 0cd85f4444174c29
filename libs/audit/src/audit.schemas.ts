import { z } from 'zod';
import { PageQuery } from '@app/web';
import { AUDIT_KINDS } from './audit-event.js';

const Moment = z.iso.datetime({ offset: true });
const Word = z.string().min(1).max(256);

const Filters = {
  kind: z.enum(AUDIT_KINDS).optional(),
  action: Word.optional().describe('Such as `grants.create` or `agents:call`.'),
  outcome: Word.optional().describe('`ok`, `denied`, `failed`; for calls how the task stands.'),
  principal: Word.optional(),
  agent: Word.optional().describe('Slug.'),
  subject: Word.optional().describe('Id of what was changed, or of the task.'),
  address: Word.optional(),
  from: Moment.optional().describe('Not before then.'),
  to: Moment.optional().describe('Before then.'),
};
/** A filter that is misspelt must not find everything. */
export const AuditQuery = PageQuery.extend(Filters).strict();
export type AuditQuery = z.infer<typeof AuditQuery>;

export const AuditEventView = z
  .object({
    id: z.string().describe('`chain/seq`: its place in the chain of one process.'),
    at: z.iso.datetime(),
    kind: z.string(),
    action: z.string(),
    outcome: z.string(),
    principal: z.string().optional(),
    keyId: z.string().optional(),
    address: z.string().optional(),
    agent: z.string().optional(),
    skill: z.string().optional(),
    subject: z.string().optional(),
    detail: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'AuditEvent' });
export type AuditEventView = z.infer<typeof AuditEventView>;

export const AuditPage = z
  .object({ items: z.array(AuditEventView), nextPageToken: z.string().optional() })
  .meta({ id: 'AuditPage' });
