import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type CopiesOf, HotCopies } from '@app/cache';
import { Config } from '@app/config';
import { type Caller, DomainError } from '@app/core';
import { type Page, pageOf, startAfter } from '@app/web';
import { DataSource } from 'typeorm';
import { closeSession, insertSession, listSessions, readSession, rememberContext, useSession } from './sql-sessions.js';
import { TaskPermissions } from './task-permissions.js';
import type { Session } from './session.entity.js';
import type { SessionQuery, SessionView } from './sessions.schemas.js';

/** Long enough to spare the database, short enough for a copy that could not be taken back in time. */
const COPY_TTL_MS = 300_000;
/** How exactly the last use is known. */
const TOUCH_AFTER_MS = 60_000;

/** A row as JSON carries it. */
type Copy = Omit<Session, 'createdAt' | 'lastUsedAt' | 'closedAt'> & {
  readonly createdAt: string;
  readonly lastUsedAt: string;
  readonly closedAt: string | null;
};

/** Conversations. Other people's, closed and expired ones do not exist. */
@Injectable()
export class SessionsService {
  private readonly copies: CopiesOf<Copy>;
  private readonly ttlMs: number;

  constructor(
    private readonly dataSource: DataSource,
    private readonly permissions: TaskPermissions,
    copies: HotCopies,
    config: Config,
  ) {
    this.copies = copies.of('a2a:session:');
    this.ttlMs = config.sessions.ttlMs;
  }

  /** @param id opens this one again when it is the caller's, else makes it. @throws DomainError conflict when it is taken */
  async open(caller: Caller, id: string = randomUUID()): Promise<SessionView> {
    await this.permissions.demand(caller, 'tasks:write');
    const principal = caller.id;
    const { manager } = this.dataSource;
    const session =
      (await insertSession(manager, id, principal)) ?? (await useSession(manager, id, principal, this.ttlMs));
    if (session === undefined)
      throw new DomainError('conflict', `sessionId: ${id} is taken or closed; open a session with another id`);
    return this.viewOf(await this.keep(session));
  }

  /** False when there is nothing to close. */
  async close(caller: Caller, id: string): Promise<boolean> {
    await this.permissions.demand(caller, 'tasks:write');
    const closed = await closeSession(this.dataSource.manager, id, caller.id, this.ttlMs);
    if (closed !== undefined) await this.keep(closed);
    return closed !== undefined;
  }

  /** @throws DomainError not_found */
  async get(caller: Caller, id: string): Promise<SessionView> {
    await this.permissions.demand(caller, 'tasks:read');
    return this.viewOf(await this.usable(caller, id));
  }

  /** Open ones, newest first. */
  async list(caller: Caller, { page_size: size, page_token: token }: SessionQuery): Promise<Page<SessionView>> {
    await this.permissions.demand(caller, 'tasks:read');
    const after = token === undefined ? undefined : positionIn(token);
    const wanted = { principal: caller.id, ttlMs: this.ttlMs, limit: size + 1, after };
    const rows = await listSessions(this.dataSource.manager, wanted);
    const page = pageOf(rows, size, ({ createdAt, id }) => `${createdAt.toISOString()} ${id}`);
    return { ...page, items: page.items.map((session) => this.viewOf(copyOf(session))) };
  }

  /**
   * The context in which the session goes on with this agent; undefined when it has not met it yet. Counts as use.
   * @throws DomainError not_found
   */
  async contextFor(caller: Caller, id: string, agent: string): Promise<string | undefined> {
    const session = await this.usable(caller, id);
    if (Date.parse(session.lastUsedAt) > Date.now() - TOUCH_AFTER_MS) return session.contexts[agent];
    const used = await useSession(this.dataSource.manager, id, caller.id, this.ttlMs);
    if (used === undefined) throw notFound(id);
    return (await this.keep(used)).contexts[agent];
  }

  /** The agent told its context for this session. */
  async remember(id: string, agent: string, contextId: string): Promise<void> {
    const changed = await rememberContext(this.dataSource.manager, id, agent, contextId);
    if (changed !== undefined) await this.keep(changed);
  }

  private async usable(caller: Caller, id: string): Promise<Copy> {
    const session = (await this.copies.get(id)) ?? (await this.read(id));
    if (session?.principal !== caller.id || session.closedAt !== null || this.leftOf(session) <= 0) throw notFound(id);
    return session;
  }

  private async read(id: string): Promise<Copy | undefined> {
    const session = await readSession(this.dataSource.manager, id);
    return session && this.keep(session);
  }

  /** Closed ones too: the copy of a closed session keeps an older copy from coming in its place. */
  private async keep(session: Session): Promise<Copy> {
    const copy = copyOf(session);
    await this.copies.put(copy.id, copy.version, copy, Math.min(COPY_TTL_MS, this.leftOf(copy)));
    return copy;
  }

  private leftOf({ lastUsedAt }: Copy): number {
    return Date.parse(lastUsedAt) + this.ttlMs - Date.now();
  }

  private viewOf({ id: sessionId, contexts, createdAt, lastUsedAt }: Copy): SessionView {
    const expiresAt = new Date(Date.parse(lastUsedAt) + this.ttlMs).toISOString();
    return { sessionId, contexts, createdAt, lastUsedAt, expiresAt };
  }
}

const copyOf = ({ createdAt, lastUsedAt, closedAt, ...rest }: Session): Copy => ({
  ...rest,
  createdAt: createdAt.toISOString(),
  lastUsedAt: lastUsedAt.toISOString(),
  closedAt: closedAt?.toISOString() ?? null,
});

function positionIn(token: string): [string, string] {
  const [, createdAt, id] = /^(\d{4}-[\dT:.-]+Z) ([0-9a-f-]{36})$/.exec(startAfter(token)) ?? [];
  if (createdAt === undefined || id === undefined)
    throw new DomainError('invalid', 'page_token: expected the nextPageToken of an earlier page');
  return [createdAt, id];
}

const notFound = (id: string): DomainError => new DomainError('not_found', `No session ${id}, or it is closed`);
