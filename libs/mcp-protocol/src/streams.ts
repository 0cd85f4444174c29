import type { JsonObject } from '@app/core';
import { Log } from '@app/telemetry';
import type { Principal } from './host.js';
import type { Limits } from './limits.js';
import { META, notification, Refusal, type RequestId, RpcCode } from './rpc.js';

const log = new Log('MCP');

export type ChangeKind = 'tools' | 'prompts' | 'resources';

/** A list that changed, or with `uri` one resource. */
export interface Change {
  readonly kind: ChangeKind;
  readonly uri: string | undefined;
}

/** A stream that stays open for what happens later. */
export interface OpenStream {
  readonly principal: Principal;
  readonly sessionId?: string;
  /** What the client called it, in the modern era. */
  readonly subscription?: RequestId;
  wants(change: Change): boolean;
  send(message: JsonObject): void;
  /** Ends it as its era asks. */
  end(): void;
}

/** All streams of this replica that wait for changes. */
export class Streams {
  private readonly streams = new Set<OpenStream>();

  constructor(private readonly limits: Limits) {}

  get size(): number {
    return this.streams.size;
  }

  /** @throws Refusal 429 when this principal has as many as it may. */
  add(stream: OpenStream): void {
    const { id: principalId } = stream.principal;
    const { streamsPerPrincipal } = this.limits;
    if (this.countOf(principalId) >= streamsPerPrincipal) {
      log.warn('Refused one stream too many', { principal: principalId, streamsPerPrincipal });
      throw new Refusal(429, RpcCode.refused, `Too many open streams: at most ${streamsPerPrincipal} at a time`);
    }
    this.streams.add(stream);
  }

  remove(stream: OpenStream): void {
    this.streams.delete(stream);
  }

  announce(change: Change): void {
    for (const stream of this.streams) if (stream.wants(change)) stream.send(message(change, stream.subscription));
  }

  endSession(sessionId: string): void {
    for (const stream of this.streams) if (stream.sessionId === sessionId) stream.end();
  }

  /** Whose they are: the very objects that came in with the requests. */
  principals(): Set<Principal> {
    return new Set([...this.streams].map(({ principal }) => principal));
  }

  endOf(principals: ReadonlySet<Principal>): void {
    for (const stream of this.streams) if (principals.has(stream.principal)) stream.end();
  }

  endAll(): void {
    for (const stream of this.streams) stream.end();
  }

  private countOf(principalId: string): number {
    let count = 0;
    for (const stream of this.streams) if (stream.principal.id === principalId) count++;
    return count;
  }
}

function message({ kind, uri }: Change, subscription: RequestId | undefined): JsonObject {
  const method = uri === undefined ? `notifications/${kind}/list_changed` : 'notifications/resources/updated';
  if (uri === undefined && subscription === undefined) return notification(method);
  return notification(method, {
    ...(uri !== undefined && { uri }),
    ...(subscription !== undefined && { _meta: { [META.subscriptionId]: subscription } }),
  });
}
