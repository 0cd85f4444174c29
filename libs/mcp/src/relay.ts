import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Hints } from '@app/cache';
import type { Caller, JsonObject } from '@app/core';
import { isDatabaseAway } from '@app/database';
import type { ClientCancel, ClientResponse, McpServer } from '@app/mcp-protocol';
import { Log } from '@app/telemetry';
import { RelayedMessage } from './relayed-message.entity.js';

const TOPIC = 'mcp-relay';
/** While something waits here. A hint makes it sooner. */
const POLL_MS = 250;
const LOOK_BACK_MS = 30_000;
const KEEP_TRYING_MS = 60_000;
const RETRY_MS = 250;
const KEEP_MS = 5 * 60_000;
const CLEAN_EVERY_MS = 60_000;

/**
 * Brings a client's answers and cancels to the replica that waits for them. A row and not a message, so that none is lost
 * with Redis; read only while this replica has something that could be answered or cancelled.
 */
@Injectable()
export class Relay implements OnApplicationShutdown {
  private readonly log = new Log('MCP');
  private readonly stopListening: () => void;
  private server: McpServer<Caller> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private replica = '';
  private seen = new Set<string>();
  private reading = false;
  private cleanedAt = performance.now();

  constructor(
    @InjectRepository(RelayedMessage) private readonly messages: Repository<RelayedMessage>,
    private readonly hints: Hints,
  ) {
    this.stopListening = hints.subscribe(TOPIC, () => void this.read());
  }

  /** To this core what other replicas' clients say is passed. */
  attach(server: McpServer<Caller>, replica: string): void {
    this.server = server;
    this.replica = replica;
    this.timer = setInterval(() => void this.read(), POLL_MS).unref();
  }

  /** Only when the core has answered what was in flight: until then it waits for answers to its questions. */
  onApplicationShutdown(): void {
    clearInterval(this.timer);
    this.stopListening();
  }

  /** Undefined: it was for this replica, and is where it belongs. */
  respond(response: ClientResponse): void | Promise<void> {
    if (!response.id.startsWith(`${this.replica}:`)) return this.pass('response', response);
    this.server?.acceptResponse(response);
  }

  cancel(cancel: ClientCancel): Promise<void> {
    this.server?.acceptCancel(cancel);
    return this.pass('cancel', cancel);
  }

  private async pass(kind: RelayedMessage['kind'], message: ClientResponse | ClientCancel): Promise<void> {
    try {
      await this.store(kind, message);
    } catch (error) {
      this.log.error('A client’s message could not be passed to the other replicas', { kind, cause: error });
      throw error;
    }
  }

  /** The client said it once; whoever waits for it waits longer than an outage of the database. */
  private async store(kind: RelayedMessage['kind'], message: ClientResponse | ClientCancel): Promise<void> {
    const deadline = performance.now() + KEEP_TRYING_MS;
    for (;;) {
      try {
        await this.messages.insert({ kind, body: { ...message } });
        this.hints.publish(TOPIC, {});
        return;
      } catch (error) {
        if (!isDatabaseAway(error) || performance.now() > deadline) throw error;
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  private async read(): Promise<void> {
    const { inFlight = 0 } = this.server?.stats() ?? {};
    if (inFlight === 0 || this.reading) return;
    this.reading = true;
    try {
      await this.readNew();
    } catch {
      // The pool says when the database is away; the next look is soon.
    } finally {
      this.reading = false;
    }
  }

  /** Looks back a little at each look: a row may become visible after one with a higher id. */
  private async readNew(): Promise<void> {
    const rows = (await this.messages.query(
      `select id, kind, body from relayed_messages where created_at > now() - $1 * interval '1 ms' order by id`,
      [LOOK_BACK_MS],
    )) as Pick<RelayedMessage, 'id' | 'kind' | 'body'>[];
    for (const { id, kind, body } of rows) if (!this.seen.has(id)) this.accept(kind, body);
    this.seen = new Set(rows.map(({ id }) => id));
    if (performance.now() - this.cleanedAt < CLEAN_EVERY_MS) return;
    this.cleanedAt = performance.now();
    await this.messages.query(`delete from relayed_messages where created_at < now() - $1 * interval '1 ms'`, [
      KEEP_MS,
    ]);
  }

  private accept(kind: RelayedMessage['kind'], body: JsonObject): void {
    if (kind === 'response') this.server?.acceptResponse(body as unknown as ClientResponse);
    else this.server?.acceptCancel(body as unknown as ClientCancel);
  }
}
