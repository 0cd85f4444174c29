import { resolve } from 'node:path';
import { z } from 'zod';
import { Environment, type VariableName } from './environment.js';
import { type TracingConfig, tracingOf } from './tracing.js';

/** How to reach a given PostgreSQL. */
export interface PostgresServer {
  readonly url: string;
  readonly sslMode: Environment['POSTGRES_SSLMODE'];
  readonly sslRootCert?: string;
}

/** Whose access tokens are accepted, and what they mean here. */
export interface OidcIssuer {
  readonly issuer: string;
  /** URL of the MCP door, as clients dial it. */
  readonly resource: string;
  readonly audiences: readonly string[];
  readonly scopes: readonly string[];
  readonly groupsClaim: string;
  readonly rolesClaim: string;
  /** Roles here by role or group of the issuer. */
  readonly roleMap: ReadonlyMap<string, readonly string[]>;
}

/** The environment does not fit; the message lists every problem, a line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** The whole configuration, read once at start. No other file reads `process.env`. */
export class Config {
  private constructor(private readonly env: Readonly<Environment>) {}

  /** @throws ConfigError with all problems of the environment at once. */
  static load(source: NodeJS.ProcessEnv): Config {
    const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''));
    const parsed = Environment.safeParse(given);
    const problems = parsed.success ? contradictions(parsed.data) : parsed.error.issues.map(describe);
    if (!parsed.success || problems.length > 0)
      throw new ConfigError(['The environment is not valid:', ...problems.map((line) => `  ${line}`)].join('\n'));
    return new Config(Object.freeze(parsed.data));
  }

  get http() {
    const { HOST: host, PORT: port, PUBLIC_URL: publicUrl } = this.env;
    return { host, port, publicUrl };
  }

  /** The names under which this server may be spoken to, beside `localhost` and addresses. */
  get hostNames(): readonly string[] {
    const { ALLOWED_HOSTS: allowed = [], PUBLIC_URL: http, PUBLIC_STREAM_URL: stream } = this.env;
    return [...allowed, ...[http, stream].flatMap((url) => (url === undefined ? [] : [new URL(url).hostname]))];
  }

  /** The WebSocket door. */
  get stream() {
    const { HOST: host, STREAM_PORT: port, PUBLIC_STREAM_URL: publicUrl } = this.env;
    return { host, port, publicUrl };
  }

  get log() {
    const { LOG_LEVEL: level, LOG_FORMAT: format } = this.env;
    return { level, json: format === 'json' || (format === 'auto' && !process.stdout.isTTY) };
  }

  /** Absolute path. */
  get dataDir(): string {
    return resolve(this.env.DATA_DIR ?? (process.getuid?.() === 0 ? '/var/lib/a2a-mcp' : 'data'));
  }

  /** The given PostgreSQL; undefined means the embedded one in `dataDir`. */
  get postgres(): PostgresServer | undefined {
    const url = this.env.DATABASE_URL ?? postgresUrl(this.env);
    if (url === undefined) return undefined;
    return { url, sslMode: this.env.POSTGRES_SSLMODE, sslRootCert: this.env.POSTGRES_SSLROOTCERT };
  }

  get database() {
    return {
      poolSize: this.env.DATABASE_POOL_SIZE,
      connectTimeoutMs: this.env.DATABASE_CONNECT_TIMEOUT_MS,
      statementTimeoutMs: this.env.DATABASE_STATEMENT_TIMEOUT_MS,
      slowStatementMs: this.env.DATABASE_SLOW_STATEMENT_MS,
      migrateAtStart: this.env.MIGRATE_AT_START,
    };
  }

  /** The given Redis; undefined means memory. */
  get redisUrl(): string | undefined {
    const { REDIS_URL: url, REDIS_HOST: host, REDIS_PORT: port, REDIS_PASSWORD: password } = this.env;
    if (url !== undefined || host === undefined) return url;
    return `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}${host}:${port}`;
  }

  /** `kid:key` entries, the sealing one first; undefined means generated into `dataDir`. */
  get secretKeys(): readonly string[] | undefined {
    return this.env.SECRET_KEYS;
  }

  get adminApiKey(): string | undefined {
    return this.env.ADMIN_API_KEY;
  }

  get agents() {
    return {
      allowedNetworks: this.env.ALLOWED_NETWORKS,
      callTimeoutMs: this.env.AGENT_CALL_TIMEOUT_MS,
      refreshMs: this.env.AGENT_REFRESH_SECONDS * 1_000,
    };
  }

  get sessions() {
    return { ttlMs: this.env.SESSION_TTL_HOURS * 3_600_000 };
  }

  get tasks() {
    return {
      maxConcurrency: this.env.MAX_CONCURRENCY,
      maxQueueSize: this.env.MAX_QUEUE_SIZE,
      retentionMs: this.env.TASK_RETENTION_HOURS * 3_600_000,
      retentionCount: this.env.TASK_RETENTION_COUNT,
    };
  }

  get mcp() {
    return { waitMs: this.env.MCP_WAIT_SECONDS * 1_000, cancelOnDisconnect: this.env.CANCEL_ON_DISCONNECT };
  }

  /** The issuer of access tokens; undefined: API keys only. */
  get oidc(): OidcIssuer | undefined {
    const { OIDC_ISSUER: issuer, PUBLIC_URL: publicUrl } = this.env;
    if (issuer === undefined || publicUrl === undefined) return undefined;
    const resource = `${publicUrl.replace(/\/+$/, '')}/mcp`;
    const roleMap = new Map<string, string[]>();
    for (const entry of this.env.OIDC_ROLE_MAP) {
      const at = entry.lastIndexOf('=');
      const name = entry.slice(0, at);
      roleMap.set(name, [...(roleMap.get(name) ?? []), entry.slice(at + 1)]);
    }
    return {
      issuer,
      resource,
      audiences: [resource, ...this.env.OIDC_AUDIENCE],
      scopes: this.env.OIDC_SCOPES,
      groupsClaim: this.env.OIDC_GROUPS_CLAIM,
      rolesClaim: this.env.OIDC_ROLES_CLAIM,
      roleMap,
    };
  }

  /** How often something may happen, in the long run and at once. */
  get rateLimits() {
    const { env } = this;
    return {
      principal: { perMinute: env.RATE_LIMIT_PER_MINUTE, burst: env.RATE_LIMIT_BURST },
      call: { perMinute: env.RATE_LIMIT_CALLS_PER_MINUTE, burst: env.RATE_LIMIT_CALLS_BURST },
      agent: { perMinute: env.RATE_LIMIT_AGENT_PER_MINUTE, burst: env.RATE_LIMIT_AGENT_BURST },
      address: { perMinute: env.RATE_LIMIT_ADDRESS_PER_MINUTE, burst: env.RATE_LIMIT_ADDRESS_BURST },
    };
  }

  /** What one principal may have at a time. */
  get quotas() {
    return { concurrentTasks: this.env.QUOTA_CONCURRENT_TASKS, requestBytes: this.env.QUOTA_REQUEST_BYTES };
  }

  /** Undefined: no traces. */
  get tracing(): TracingConfig | undefined {
    return tracingOf(this.env);
  }

  get audit() {
    return { retentionDays: this.env.AUDIT_RETENTION_DAYS, payloads: this.env.AUDIT_PAYLOADS };
  }

  /** CIDR ranges. */
  get trustedProxies(): readonly string[] {
    return this.env.TRUSTED_PROXIES;
  }

  /** Who may read metrics: whoever has the token, or, without one, these networks (CIDR). */
  get metrics() {
    return { token: this.env.METRICS_TOKEN, networks: this.env.METRICS_ALLOWED_NETWORKS };
  }

  /** Every variable with its effective value, secrets masked. */
  effective(): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(Environment.shape).map(([name, schema]) => {
        const value = this.env[name as VariableName];
        if (schema.meta()?.['secret'] && value !== undefined) return [name, '********'];
        return [name, name === 'DATA_DIR' ? this.dataDir : (value ?? null)];
      }),
    );
  }
}

function describe(issue: z.core.$ZodIssue): string {
  return `${issue.path.join('.')}: ${issue.message}`;
}

/** What no single variable can tell. */
function contradictions(env: Environment): string[] {
  const problems: string[] = [];
  const given = env.DATABASE_URL ?? env.POSTGRES_HOST;
  if (given !== undefined && env.SECRET_KEYS === undefined)
    problems.push('SECRET_KEYS: required with a given PostgreSQL; make one with: echo "k1:$(openssl rand -base64 32)"');
  if (given !== undefined) problems.push(...weakSecrets(env));
  if (env.OIDC_ISSUER !== undefined && env.PUBLIC_URL === undefined)
    problems.push('PUBLIC_URL: required with OIDC_ISSUER; tokens are made for PUBLIC_URL/mcp');
  return problems;
}

function postgresUrl(env: Environment): string | undefined {
  if (env.POSTGRES_HOST === undefined) return undefined;
  const url = new URL(`postgres://${env.POSTGRES_HOST}:${env.POSTGRES_PORT}/${encodeURIComponent(env.POSTGRES_DB)}`);
  url.username = encodeURIComponent(env.POSTGRES_USER);
  if (env.POSTGRES_PASSWORD !== undefined) url.password = encodeURIComponent(env.POSTGRES_PASSWORD);
  return url.href;
}

/** What people paste from examples, and what no generator makes. */
const EXAMPLE = /change[-_ ]?(me|this)|choose|replace|example|default|passw[o0]rd|qwerty|letmein/i;
const FEWEST_CHARACTERS = 10;
const FEWEST_BYTES = 16;

/** A server that others can reach must not be opened by what can be guessed. */
function weakSecrets({ ADMIN_API_KEY, METRICS_TOKEN, SECRET_KEYS = [] }: Environment): string[] {
  const weak = Object.entries({ ADMIN_API_KEY, METRICS_TOKEN })
    .filter(([, value]) => value !== undefined && (EXAMPLE.test(value) || new Set(value).size < FEWEST_CHARACTERS))
    .map(([name]) => `${name}: can be guessed; make one with: openssl rand -hex 32`);
  const alike = SECRET_KEYS.filter(
    (entry) => new Set(Buffer.from(entry.split(':')[1] ?? '', 'base64')).size < FEWEST_BYTES,
  );
  if (alike.length > 0)
    weak.push(
      `SECRET_KEYS: the key ${alike.map((entry) => entry.split(':')[0]).join(', ')} is not random; make one with: openssl rand -base64 32`,
    );
  return weak;
}
