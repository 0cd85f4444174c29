import type { JsonObject } from '@app/core';
import { Log } from '@app/telemetry';
import type { Limits } from './limits.js';
import { META, notification, Refusal, type RequestId, RpcCode } from './rpc.js';

const log = new Log('mcp');

export type ChangeKind = 'tools' | 'prompts' | 'resources';

/** A list that changed, or with `uri` one resource. */
export interface Change {
  readonly kind: ChangeKind;
  readonly uri: string | undefined;
}

/** A stream that stays open for what happens later. */
export interface OpenStream {
  readonly principalId: string;
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
  private readonly perPrincipal = new Map<string, number>();

  constructor(private readonly limits: Limits) {}

  get size(): number {
    return this.streams.size;
  }

  /** @throws Refusal 429 when this principal has as many as it may. */
  add(stream: OpenStream): void {
    const count = this.perPrincipal.get(stream.principalId) ?? 0;
    const { streamsPerPrincipal } = this.limits;
    if (count >= streamsPerPrincipal) {
      log.warn('Refused one stream too many', { principal: stream.principalId, streamsPerPrincipal });
      throw new Refusal(429, RpcCode.refused, `Too many open streams: at most ${streamsPerPrincipal} at a time`);
    }
    this.perPrincipal.set(stream.principalId, count + 1);
    this.streams.add(stream);
  }

  remove(stream: OpenStream): void {
    if (!this.streams.delete(stream)) return;
    const left = (this.perPrincipal.get(stream.principalId) ?? 1) - 1;
    if (left > 0) this.perPrincipal.set(stream.principalId, left);
    else this.perPrincipal.delete(stream.principalId);
  }

  announce(change: Change): void {
    for (const stream of this.streams) if (stream.wants(change)) stream.send(message(change, stream.subscription));
  }

  endSession(sessionId: string): void {
    for (const stream of this.streams) if (stream.sessionId === sessionId) stream.end();
  }

  endAll(): void {
    for (const stream of this.streams) stream.end();
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
