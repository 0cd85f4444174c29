import { randomBytes } from 'node:crypto';
import { isJsonObject, type JsonObject } from '@app/core';
import { BoundedMap } from './bounded-map.js';
import type { LogLevel, Principal } from './host.js';
import type { Limits } from './limits.js';

/** Makes and opens tokens that nobody else can make. */
export interface Sealer {
  seal(purpose: string, payload: JsonObject, ttlMs: number): string;
  /** Undefined when it was not sealed for that purpose, was changed, or has expired. */
  open(purpose: string, token: string): JsonObject | undefined;
}

/** What a legacy client and we agreed on in `initialize`. */
export interface Session {
  readonly id: string;
  readonly principalId: string;
  readonly version: string;
  readonly capabilities: JsonObject;
  readonly expiresAt: number;
}

/** What is forgotten when it must be: losing it costs a client at most some log lines or updates. */
interface Memory {
  logLevel?: LogLevel;
  readonly resources: Set<string>;
}

const PURPOSE = 'mcp-session';

/**
 * Sessions without a store: the session id is the session itself, sealed. Any replica can open it, nothing is lost in a
 * restart, and an abandoned session costs nothing. It is no credential: only its own principal can use it.
 */
export class SealedSessions {
  private readonly verified: BoundedMap<string, Session>;
  private readonly revoked: BoundedMap<string, number>;
  private readonly memories: BoundedMap<string, Memory>;

  constructor(
    private readonly sealer: Sealer,
    private readonly limits: Limits,
  ) {
    this.verified = new BoundedMap(limits.verifiedSessions);
    this.revoked = new BoundedMap(limits.revokedSessions);
    this.memories = new BoundedMap(limits.rememberedSessions);
  }

  start(
    principal: Principal,
    version: string,
    declared: JsonObject,
    id = randomBytes(12).toString('base64url'),
  ): Session {
    const expiresAt = Date.now() + this.limits.sessionTtlMs;
    return { id, principalId: principal.id, version, capabilities: legacyCapabilities(declared), expiresAt };
  }

  seal(session: Session): string {
    return this.sealer.seal(PURPOSE, { ...session }, this.limits.sessionTtlMs);
  }

  /** Undefined for a session that is unknown, expired, deleted, or somebody else's. */
  open(token: string, principal: Principal): Session | undefined {
    const session = this.verified.get(token) ?? this.verify(token);
    if (!session || session.principalId !== principal.id) return undefined;
    return session.expiresAt > Date.now() && this.revoked.get(session.id) === undefined ? session : undefined;
  }

  revoke(session: Session): void {
    const now = Date.now();
    this.revoked.prune((expiresAt) => expiresAt <= now);
    this.revoked.set(session.id, session.expiresAt);
    this.forget(session);
  }

  logLevel(session: Session): LogLevel | undefined {
    return this.memories.get(session.id)?.logLevel;
  }

  setLogLevel(session: Session, level: LogLevel): void {
    this.memory(session).logLevel = level;
  }

  isSubscribed(session: Session, uri: string): boolean {
    return this.memories.get(session.id)?.resources.has(uri) ?? false;
  }

  /** False when the session has as many subscriptions as it may. */
  subscribe(session: Session, uri: string): boolean {
    const { resources } = this.memory(session);
    if (resources.size >= this.limits.subscriptionsPerSession && !resources.has(uri)) return false;
    resources.add(uri);
    return true;
  }

  unsubscribe(session: Session, uri: string): void {
    this.memories.get(session.id)?.resources.delete(uri);
  }

  forget(session: Session): void {
    this.memories.delete(session.id);
  }

  get revokedCount(): number {
    return this.revoked.size;
  }

  private verify(token: string): Session | undefined {
    const payload = this.sealer.open(PURPOSE, token);
    if (!payload) return undefined;
    const session = payload as unknown as Session;
    this.verified.set(token, session);
    return session;
  }

  private memory(session: Session): Memory {
    const memory = this.memories.get(session.id) ?? { resources: new Set() };
    this.memories.set(session.id, memory);
    return memory;
  }
}

/** Only what we act on: the token travels in a header, so what a client declares must not make it long. */
function legacyCapabilities({ elicitation, sampling, roots }: JsonObject): JsonObject {
  return {
    ...(isJsonObject(elicitation) && { elicitation: only(elicitation, ['form', 'url']) }),
    ...(isJsonObject(sampling) && { sampling: only(sampling, ['tools', 'context']) }),
    ...(isJsonObject(roots) && { roots: {} }),
  };
}

function only(declared: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.filter((name) => declared[name] !== undefined).map((name) => [name, {}]));
}
