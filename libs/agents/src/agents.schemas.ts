import { z } from 'zod';
import { PageQuery } from '@app/web';
import { RESEND } from './agent.entity.js';

/** Tool names that are not an agent's. */
const RESERVED_SLUGS = ['cancel', 'handoff'];
export const MAX_SLUG_LENGTH = 32;

const Slug = z
  .string()
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'expected lower-case letters, digits and single hyphens')
  .max(MAX_SLUG_LENGTH)
  .refine((slug) => !RESERVED_SLUGS.includes(slug), 'is the name of a built-in tool');
const Category = z.string().trim().min(1).max(100).describe('One word to group agents by.');
const Tags = z.array(z.string().trim().min(1).max(60)).max(32);
const HeaderName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'expected an HTTP header name');
const HeaderValue = z
  .string()
  .max(8_192)
  .regex(/^[\t\x20-\x7e]*$/, 'expected printable ASCII');

/** Set by us; an agent's own headers must not change them. */
const OUR_HEADERS = [
  'host',
  'content-length',
  'content-type',
  'transfer-encoding',
  'connection',
  'accept',
  'a2a-version',
];
const Headers = z
  .record(HeaderName, HeaderValue)
  .refine((headers) => Object.keys(headers).length <= 32, 'at most 32 headers')
  .refine(
    (headers) => !Object.keys(headers).some((name) => OUR_HEADERS.includes(name.toLowerCase())),
    `must not contain ${OUR_HEADERS.join(', ')}`,
  )
  .describe('Sent with every request to the agent. Write-only: only the names are shown.');

const ResendPolicy = z
  .enum(RESEND)
  .describe(
    'What happens to a call whose replica died before the agent gave a sign of life: `once` sends the message again with the same messageId, `never` lets the task fail with "outcome unknown".',
  );
const MaxConcurrency = z
  .int()
  .min(1)
  .max(10_000)
  .nullable()
  .describe(
    'How many tasks one replica works on at once at this agent; further ones wait. `null`: no limit of its own.',
  );

export const AgentCredentialsInput = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('bearer'), token: HeaderValue.min(1) }),
    z.strictObject({
      type: z.literal('apiKey'),
      in: z.enum(['header', 'query']),
      name: HeaderName.max(100),
      value: HeaderValue.min(1),
    }),
  ])
  .describe('What the server shows the agent. Encrypted at rest, write-only.')
  .meta({ id: 'AgentCredentials' });
export type AgentCredentialsInput = z.infer<typeof AgentCredentialsInput>;

export const NewAgent = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(2_048)
      .optional()
      .describe('Base URL of the agent, or the URL of its card. `agent-card.json` and `agent.json` are looked for.'),
    card: z.record(z.string(), z.unknown()).optional().describe('An A2A Agent Card, instead of `url`.'),
    slug: Slug.optional().describe('Names the tools; made from the name of the agent when absent.'),
    category: Category.default('general'),
    tags: Tags.default([]),
    enabled: z.boolean().default(true),
    resend: ResendPolicy.default('once'),
    maxConcurrency: MaxConcurrency.default(null),
    credentials: AgentCredentialsInput.optional(),
    headers: Headers.optional(),
  })
  .refine(({ url, card }) => (url === undefined) !== (card === undefined), {
    path: ['url'],
    error: 'expected either url or card',
  })
  .meta({ id: 'NewAgent' });
export type NewAgent = z.infer<typeof NewAgent>;

export const AgentChanges = z
  .strictObject({
    category: Category,
    tags: Tags,
    enabled: z.boolean(),
    resend: ResendPolicy,
    maxConcurrency: MaxConcurrency,
    headers: Headers,
    card: z.record(z.string(), z.unknown()).describe('A new card, for an agent that was registered with one.'),
  })
  .partial()
  .meta({ id: 'AgentChanges' });
export type AgentChanges = z.infer<typeof AgentChanges>;

/** PostgreSQL has no text with NUL in it, so nothing can be found by one. */
const Words = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^[^\0]*$/, 'must not contain NUL');

export const AgentQuery = PageQuery.extend({
  q: Words(200).optional().describe('Part of slug, name or description.'),
  category: Words(100).optional(),
  tag: Words(60).optional(),
  skill: Words(200).optional().describe('Id of a skill.'),
  enabled: z.stringbool().optional(),
});
export type AgentQuery = z.infer<typeof AgentQuery>;

/** Id or slug of an agent. */
export const AgentRef = z
  .string()
  .regex(/^[a-z0-9-]{1,36}$/, 'expected the id or the slug of an agent')
  .describe('Id or slug.');

const ToolView = z.object({ name: z.string(), title: z.string(), description: z.string() });

export const AgentView = z
  .object({
    id: z.uuid(),
    slug: z.string(),
    name: z.string(),
    description: z.string(),
    category: z.string(),
    tags: z.array(z.string()),
    enabled: z.boolean(),
    resend: ResendPolicy,
    maxConcurrency: MaxConcurrency,
    version: z.string().describe("The agent's own version."),
    interfaces: z.array(
      z.object({
        url: z.string(),
        binding: z.string(),
        version: z.enum(['1.0', '0.3']),
        tenant: z.string().optional(),
      }),
    ),
    streaming: z.boolean(),
    inputModes: z.array(z.string()),
    outputModes: z.array(z.string()),
    skills: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        description: z.string(),
        tags: z.array(z.string()),
        examples: z.array(z.string()),
        inputModes: z.array(z.string()).optional(),
        outputModes: z.array(z.string()).optional(),
      }),
    ),
    tools: z.array(ToolView).describe('The MCP tools made of it.'),
    cardUrl: z.string().nullable(),
    cardFetchedAt: z.iso.datetime(),
    refreshError: z.string().nullable().describe('Why the last refresh failed; the last good card is in use.'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Agent' });
export type AgentView = z.infer<typeof AgentView>;

export const AgentPage = z
  .object({ items: z.array(AgentView), nextPageToken: z.string().optional() })
  .meta({ id: 'AgentPage' });

export const AgentHealthView = z
  .object({
    state: z.enum(['up', 'down']),
    latencyMs: z.number(),
    checkedAt: z.iso.datetime(),
    detail: z.string().optional().describe('What is wrong.'),
  })
  .meta({ id: 'AgentHealth' });
export type AgentHealthView = z.infer<typeof AgentHealthView>;
