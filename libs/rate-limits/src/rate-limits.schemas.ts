import { isIP } from 'node:net';
import { z } from 'zod';
import { PageQuery } from '@app/web';

const MAX_REASON_LENGTH = 1_000;

const Principal = z
  .string()
  .max(256)
  .regex(/^(admin|(key|user|agent):\S.*)$/, 'expected admin, key:<id>, user:<subject> or agent:<id>');
/** Whoever blocked everybody must be able to mend it. */
const Blockable = Principal.refine((principal) => principal !== 'admin', 'the bootstrap key cannot be blocked');
const Slug = z.string().regex(/^[a-z0-9-]{1,32}$/, 'expected the slug of an agent');
const Reason = z.string().trim().max(MAX_REASON_LENGTH).optional();
const Until = z.iso.datetime({ offset: true }).optional().describe('Until when; absent: until it is removed.');
const Rates = {
  perMinute: z.int().min(1).max(100_000_000).optional().describe('So often in the long run.'),
  burst: z.int().min(1).max(10_000_000).optional().describe('So often at once after a pause.'),
};
const Quotas = {
  concurrentTasks: z.int().min(0).max(1_000_000).optional().describe('Tasks at a time; only for a principal.'),
  requestBytes: z
    .int()
    .min(1_024)
    .max(4 << 20)
    .optional()
    .describe('Largest request; only for a principal.'),
};

export const NewRateLimit = z
  .strictObject({
    principal: Principal.optional(),
    agent: Slug.optional(),
    ...Rates,
    ...Quotas,
    reason: Reason,
    expiresAt: Until,
  })
  .refine(({ principal, agent }) => principal !== undefined || agent !== undefined, {
    path: ['principal'],
    error: 'expected principal, agent or both',
  })
  .refine(({ perMinute, burst }) => (perMinute === undefined) === (burst === undefined), {
    path: ['burst'],
    error: 'expected together with perMinute',
  })
  .refine(
    (given) => given.perMinute !== undefined || given.concurrentTasks !== undefined || given.requestBytes !== undefined,
    {
      path: ['perMinute'],
      error: 'expected perMinute and burst, concurrentTasks or requestBytes',
    },
  )
  .refine(
    ({ agent, concurrentTasks, requestBytes }) =>
      agent === undefined || (concurrentTasks === undefined && requestBytes === undefined),
    { path: ['agent'], error: 'expected without concurrentTasks and requestBytes, which are for a principal' },
  )
  .meta({ id: 'NewRateLimit' });
export type NewRateLimit = z.infer<typeof NewRateLimit>;

const Rate = z.object({ perMinute: z.number(), burst: z.number() });

export const RateLimitView = z
  .object({
    id: z.string(),
    principal: z.string().optional(),
    agent: z.string().optional(),
    ...Rates,
    ...Quotas,
    reason: z.string().optional(),
    expiresAt: z.iso.datetime().optional(),
    createdBy: z.string(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'RateLimit' });
export type RateLimitView = z.infer<typeof RateLimitView>;

export const RateLimitPage = z
  .object({
    defaults: z.object({
      principal: Rate.describe('REST requests and messages of one principal.'),
      call: Rate.describe('Calls of one principal to one agent.'),
      agent: Rate.describe('Calls to one agent, of all principals together.'),
      address: Rate.describe('Requests without valid credentials from one address.'),
      concurrentTasks: z.number(),
      requestBytes: z.number(),
    }),
    items: z.array(RateLimitView),
    nextPageToken: z.string().optional(),
  })
  .meta({ id: 'RateLimitPage' });
export type RateLimitPage = z.infer<typeof RateLimitPage>;

export const NewBlock = z
  .strictObject({
    principal: Blockable.optional(),
    network: z
      .string()
      .refine(isNetwork, 'expected an IP address or a CIDR range such as 203.0.113.0/24')
      .transform((network) => (network.includes('/') ? network : `${network}/${isIP(network) === 4 ? 32 : 128}`))
      .optional()
      .describe('Address or CIDR range.'),
    reason: Reason,
    expiresAt: Until,
  })
  .refine(({ principal, network }) => (principal === undefined) !== (network === undefined), {
    path: ['principal'],
    error: 'expected exactly one of principal and network',
  })
  .meta({ id: 'NewBlock' });
export type NewBlock = z.infer<typeof NewBlock>;

export const BlockView = z
  .object({
    id: z.string(),
    principal: z.string().optional(),
    network: z.string().optional(),
    reason: z.string().optional(),
    expiresAt: z.iso.datetime().optional(),
    createdBy: z.string(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'BlockedClient' });
export type BlockView = z.infer<typeof BlockView>;

export const BlockPage = z
  .object({ items: z.array(BlockView), nextPageToken: z.string().optional() })
  .meta({ id: 'BlockedClientPage' });

export const RateLimitQuery = PageQuery;
export type RateLimitQuery = z.infer<typeof RateLimitQuery>;

export const HitQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('How many offenders, the worst first.'),
});
export type HitQuery = z.infer<typeof HitQuery>;

export const Hits = z
  .object({
    items: z.array(
      z.object({
        limit: z.string().describe('Which limit was met.'),
        client: z.string().describe('A principal, or an address without one.'),
        agent: z.string().optional().describe('Slug of the agent that was to be called.'),
        hits: z.number().describe('In the last hour, on all replicas.'),
        lastMinute: z.iso.datetime().describe('The last minute in which it happened.'),
      }),
    ),
  })
  .meta({ id: 'RateLimitHits' });
export type Hits = z.infer<typeof Hits>;

export const RowId = z.string().regex(/^[1-9]\d{0,17}$/, 'expected an id from the list');

function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (bits < 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
}
