import { isIP } from 'node:net';
import { z } from 'zod';
import { tracingVariables } from './tracing-variables.js';
import { list, secret } from './variable-types.js';

const port = z.coerce.number().int().min(0).max(65535);
const milliseconds = z.coerce.number().int().min(1).max(86_400_000);

const perMinute = (usual: number, what: string) =>
  z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000_000)
    .default(usual)
    .describe(`Rate limit: ${what}, a minute in the long run.`);
const burst = (usual: number, what: string) =>
  z.coerce.number().int().min(1).max(10_000_000).default(usual).describe(`Rate limit: ${what}, at once after a pause.`);

const PRIVATE_NETWORKS = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
] as const;

const SECRET_KEY = /^[A-Za-z0-9_-]{1,16}:[A-Za-z0-9+/]{43}=$/;

/**
 * Every environment variable the server reads: what it takes (with its unit), its default, and whether it is a secret.
 * `docs/configuration.md` is generated from this schema.
 */
export const Environment = z.object({
  HOST: z.string().min(1).default('127.0.0.1').describe('Address to listen on; `0.0.0.0` in a container.'),
  PORT: port.default(3000).describe('Port of MCP, REST, health and metrics; `0` takes a free one.'),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('The URL under which clients reach this server; its host is accepted in `Host` and `Origin`.'),
  STREAM_PORT: port.default(8787).describe('Port of the WebSocket door; `0` takes a free one.'),
  PUBLIC_STREAM_URL: z
    .url({ protocol: /^wss?$/ })
    .optional()
    .describe(
      'The URL under which clients reach the WebSocket door, e.g. `wss://agents.example.com:8787`; every `streamUrl` begins with it. Without it: the host of `PUBLIC_URL`, else `HOST`, and the port listened on.',
    ),
  ALLOWED_HOSTS: list
    .optional()
    .describe(
      'Further host names accepted in `Host` and `Origin` at `/mcp` and at the WebSocket door, comma-separated; `*` accepts any. `localhost`, IP addresses and the hosts of `PUBLIC_URL` and `PUBLIC_STREAM_URL` are always accepted (DNS-rebinding protection).',
    ),
  LOG_LEVEL: z
    .enum(['error', 'warn', 'info', 'debug'])
    .default('info')
    .describe('The least severe lines that are written.'),
  LOG_FORMAT: z
    .enum(['auto', 'json', 'pretty'])
    .default('auto')
    .describe('`json`: one object a line; `pretty`: for people; `auto`: pretty on a terminal, else json.'),
  DATA_DIR: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Directory of the embedded database and of generated keys. Default `./data`; for root `/var/lib/a2a-mcp`, which PostgreSQL can reach as an unprivileged user.',
    ),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .meta(secret)
    .describe(
      'PostgreSQL 14 or newer, e.g. `postgres://user:password@host:5432/a2a_mcp`. Wins over `POSTGRES_*`. With neither set, the embedded PostgreSQL in `DATA_DIR` is used.',
    ),
  POSTGRES_HOST: z.string().min(1).optional().describe('Host of PostgreSQL; naming it selects a given PostgreSQL.'),
  POSTGRES_PORT: port.default(5432).describe('Port of PostgreSQL.'),
  POSTGRES_DB: z.string().min(1).default('a2a_mcp').describe('Database name.'),
  POSTGRES_USER: z.string().min(1).default('postgres').describe('User name.'),
  POSTGRES_PASSWORD: z.string().optional().meta(secret).describe('Password.'),
  POSTGRES_SSLMODE: z
    .enum(['disable', 'require', 'verify-ca', 'verify-full'])
    .default('disable')
    .describe(
      'TLS to PostgreSQL, as libpq means it: `require` encrypts, `verify-ca` checks the issuer, `verify-full` the host name too. Applies to `DATABASE_URL` as well unless that URL has its own `sslmode`.',
    ),
  POSTGRES_SSLROOTCERT: z
    .string()
    .min(1)
    .optional()
    .describe('File with the CA certificates (PEM) for `verify-ca` and `verify-full`.'),
  DATABASE_POOL_SIZE: z.coerce
    .number()
    .int()
    .min(2)
    .max(500)
    .default(10)
    .describe(
      'Connections in the pool of this process. It opens one more for its heartbeat, so all replicas together need (this + 1) × replicas; a warning is logged when PostgreSQL takes fewer.',
    ),
  DATABASE_CONNECT_TIMEOUT_MS: milliseconds.default(5_000).describe('Longest wait for a connection, milliseconds.'),
  DATABASE_STATEMENT_TIMEOUT_MS: milliseconds.default(15_000).describe('Longest a statement may run, milliseconds.'),
  DATABASE_SLOW_STATEMENT_MS: milliseconds
    .default(500)
    .describe('Statements slower than this are logged, without their values; milliseconds.'),
  MIGRATE_AT_START: z
    .stringbool()
    .default(true)
    .describe('Bring the schema up to date at start. With `false` run `main.js migrate` first.'),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .optional()
    .meta(secret)
    .describe(
      'Redis, e.g. `redis://:password@host:6379/0` or `rediss://…`. Wins over `REDIS_HOST`. With neither set, memory is used and each replica caches and counts on its own.',
    ),
  REDIS_HOST: z.string().min(1).optional().describe('Host of Redis; naming it selects a given Redis.'),
  REDIS_PORT: port.default(6379).describe('Port of Redis.'),
  REDIS_PASSWORD: z.string().optional().meta(secret).describe('Password of Redis.'),
  SECRET_KEYS: list
    .pipe(z.array(z.string().regex(SECRET_KEY, 'expected kid:key, where key is 32 bytes in base64')).min(1))
    .optional()
    .meta(secret)
    .describe(
      'Key ring `kid:key,…`, each key 32 bytes in base64 (`openssl rand -base64 32`): the first seals, all open. Required with a given PostgreSQL; with the embedded one generated into `DATA_DIR`.',
    ),
  ADMIN_API_KEY: z
    .string()
    .min(16)
    .optional()
    .meta(secret)
    .describe(
      'The bootstrap admin key, at least 16 characters. With the embedded database it is generated into `DATA_DIR` and printed at first start.',
    ),
  ALLOWED_NETWORKS: list
    .pipe(z.array(z.string().refine(isCidr, 'expected CIDR ranges such as 10.0.0.0/8 or fd00::/8')))
    .default([])
    .describe(
      'Private networks that agents may live in, comma-separated CIDR ranges such as `10.0.0.0/8,127.0.0.1/32`. All others that are not public are refused.',
    ),
  AGENT_CALL_TIMEOUT_MS: milliseconds
    .default(3_600_000)
    .describe('Longest one call to an agent may take, milliseconds.'),
  MAX_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(1_000)
    .describe('Tasks one replica works on at once; further ones wait in the database for a replica with room.'),
  MAX_QUEUE_SIZE: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000_000)
    .default(10_000)
    .describe('Tasks that may wait for room, of all replicas together; beyond that new ones are refused.'),
  TASK_RETENTION_HOURS: z.coerce
    .number()
    .int()
    .min(1)
    .max(87_600)
    .default(168)
    .describe('Tasks that are over, or have waited for their caller for so long, are removed after this many hours.'),
  TASK_RETENTION_COUNT: z.coerce
    .number()
    .int()
    .min(100)
    .max(100_000_000)
    .default(100_000)
    .describe('Tasks that are over or wait for their caller are kept up to this number, the newest.'),
  AGENT_REFRESH_SECONDS: z.coerce
    .number()
    .int()
    .min(5)
    .max(86_400)
    .default(300)
    .describe('How often agent cards are fetched again, seconds.'),
  SESSION_TTL_HOURS: z.coerce
    .number()
    .int()
    .min(1)
    .max(8_760)
    .default(24)
    .describe('How long a session lives after its last use, hours.'),
  MCP_WAIT_SECONDS: z.coerce
    .number()
    .min(0.1)
    .max(3_600)
    .default(45)
    .describe(
      'How long a tool call waits for its agent before it answers with a handle to go on with, seconds. Many clients give up after 60.',
    ),
  CANCEL_ON_DISCONNECT: z
    .stringbool()
    .default(false)
    .describe(
      'Whether a client that hangs up in the middle of a tool call cancels the task. By default the agent goes on and the result can be fetched; a cancel is explicit.',
    ),
  RATE_LIMIT_PER_MINUTE: perMinute(3_000, 'REST requests, MCP and WebSocket messages of one principal'),
  RATE_LIMIT_BURST: burst(300, 'REST requests, MCP and WebSocket messages of one principal'),
  RATE_LIMIT_CALLS_PER_MINUTE: perMinute(600, 'calls of one principal to one agent'),
  RATE_LIMIT_CALLS_BURST: burst(100, 'calls of one principal to one agent'),
  RATE_LIMIT_AGENT_PER_MINUTE: perMinute(6_000, 'calls to one agent, of all principals together'),
  RATE_LIMIT_AGENT_BURST: burst(1_000, 'calls to one agent, of all principals together'),
  RATE_LIMIT_ADDRESS_PER_MINUTE: perMinute(120, 'requests without valid credentials from one address'),
  RATE_LIMIT_ADDRESS_BURST: burst(120, 'requests without valid credentials from one address'),
  QUOTA_CONCURRENT_TASKS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(1_000)
    .describe('Tasks of one principal that are worked on or about to be; further ones are refused with 429.'),
  QUOTA_REQUEST_BYTES: z.coerce
    .number()
    .int()
    .min(1_024)
    .max(4 << 20)
    .default(4 << 20)
    .describe('The largest request of one principal, bytes; at most the 4 MiB that any request may have.'),
  OIDC_ISSUER: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'OpenID Connect issuer whose access tokens (JWT) are accepted beside API keys. Needs `PUBLIC_URL`: tokens must be made for `PUBLIC_URL/mcp`.',
    ),
  OIDC_AUDIENCE: list
    .default([])
    .describe('Further audiences accepted in tokens, comma-separated, for issuers that cannot put a URL there.'),
  OIDC_SCOPES: list.default([]).describe('Scopes that a token must have, comma-separated; told to MCP clients.'),
  OIDC_GROUPS_CLAIM: z
    .string()
    .min(1)
    .default('groups')
    .describe('Claim with the groups of a person; dots go deeper, as in `realm_access.roles`.'),
  OIDC_ROLES_CLAIM: z.string().min(1).default('roles').describe('Claim with the roles of a person; likewise.'),
  OIDC_ROLE_MAP: list
    .pipe(
      z.array(
        z
          .string()
          .regex(
            /^.+=(viewer|user|operator|admin|auditor)$/,
            'expected name=role with a role of viewer, user, operator, admin, auditor',
          ),
      ),
    )
    .default([])
    .describe(
      'Which roles or groups of the issuer are which role here, comma-separated: `platform-team=admin,developers=user`. Whoever has none is `user`.',
    ),
  AUDIT_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(36_500)
    .default(365)
    .describe('How long audit events are kept, days. Anchors are kept for ever.'),
  AUDIT_PAYLOADS: z
    .stringbool()
    .default(false)
    .describe(
      'Whether the audit trail holds what was said to agents and what they answered. By default it holds digests (SHA-256) only.',
    ),
  TRUSTED_PROXIES: list
    .pipe(z.array(z.string().refine(isCidr, 'expected CIDR ranges such as 10.0.0.0/8 or fd00::/8')))
    .default([])
    .describe(
      'Networks of your load balancers, comma-separated CIDR ranges: only from there `X-Forwarded-For` says whose request it is. Empty: the address of the connection counts.',
    ),
  ...tracingVariables,
  METRICS_TOKEN: z
    .string()
    .min(8)
    .optional()
    .meta(secret)
    .describe('When set, `GET /metrics` asks for `Authorization: Bearer <token>`, from wherever it is asked.'),
  METRICS_ALLOWED_NETWORKS: list
    .pipe(z.array(z.string().refine(isCidr, 'expected CIDR ranges such as 10.0.0.0/8 or fd00::/8')))
    .default([...PRIVATE_NETWORKS])
    .describe(
      'Networks from which `GET /metrics` is answered when there is no `METRICS_TOKEN`, comma-separated CIDR ranges. By default the private ones, and nothing that came through a proxy which is not in `TRUSTED_PROXIES`.',
    ),
});
export type Environment = z.output<typeof Environment>;
export type VariableName = keyof typeof Environment.shape;

function isCidr(range: string): boolean {
  const [address = '', prefix = '', ...rest] = range.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits;
}
