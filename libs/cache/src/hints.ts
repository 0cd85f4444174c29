import { randomUUID } from 'node:crypto';
import { isJsonObject, type JsonObject } from '@app/core';
import { Log } from '@app/telemetry';
import { Injectable } from '@nestjs/common';
import { type RedisClient, RedisLink } from './redis-link.js';

/** A hint says what changed, not the change. */
const LARGEST_HINT_BYTES = 4_096;
const CHANNEL = 'a2a:hint:';

type HintListener = (payload: JsonObject) => void;

/** "Look again" between replicas. A hint may get lost, so whoever needs to know also looks by itself now and then. */
@Injectable()
export class Hints {
  private readonly listeners = new Map<string, Set<HintListener>>();
  /** Marks our own hints, which come back from Redis and were heard already. */
  private readonly origin = randomUUID();
  private readonly subscriber: RedisClient | undefined;
  private readonly log = new Log('Hints');

  constructor(private readonly link: RedisLink) {
    this.subscriber = link.client?.duplicate();
    if (this.subscriber !== undefined) this.listenTo(this.subscriber);
  }

  /** Whether other replicas hear hints and are heard at this moment, as far as this one can know. */
  get reachOthers(): boolean {
    return this.link.isUp && this.subscriber?.isReady === true;
  }

  /** Listeners here hear it before this returns, those in other replicas when Redis can carry it. Never throws. */
  publish(topic: string, payload: JsonObject): void {
    const text = this.encode(topic, payload);
    if (text === undefined) return;
    this.deliver(topic, payload);
    if (this.link.isUp) this.link.run((client) => client.publish(CHANNEL + topic, text)).catch(() => undefined);
  }

  /** Call what comes back to stop listening. */
  subscribe(topic: string, listener: HintListener): () => void {
    const heard = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, heard);
    // A function of its own: the same listener may be given twice and each end on its own.
    const own: HintListener = (payload) => listener(payload);
    heard.add(own);
    return () => {
      heard.delete(own);
      if (heard.size === 0 && this.listeners.get(topic) === heard) this.listeners.delete(topic);
    };
  }

  close(): void {
    this.subscriber?.destroy();
  }

  /** One pattern for all topics, taken out again at every connection: no subscription can get out of step. */
  private listenTo(subscriber: RedisClient): void {
    const receive = (text: string, channel: string) => this.receive(text, channel.slice(CHANNEL.length));
    subscriber.on('error', () => undefined); // the link reports outages
    subscriber.on('ready', () => {
      subscriber.pSubscribe(`${CHANNEL}*`, receive).catch((cause: unknown) => {
        if (subscriber.isReady) this.log.warn('Hints of other replicas are not heard', { cause });
      });
    });
    subscriber.connect().catch(() => undefined);
  }

  private encode(topic: string, payload: JsonObject): string | undefined {
    try {
      const text = JSON.stringify(payload);
      if (Buffer.byteLength(text) <= LARGEST_HINT_BYTES) return this.origin + text;
      this.log.error('A hint is too large and was dropped', { topic, limit: LARGEST_HINT_BYTES });
    } catch (cause) {
      this.log.error('A hint is not JSON and was dropped', { topic, cause });
    }
    return undefined;
  }

  private receive(text: string, topic: string): void {
    if (text.startsWith(this.origin) || !this.listeners.has(topic)) return;
    try {
      const payload: unknown = JSON.parse(text.slice(this.origin.length));
      if (isJsonObject(payload)) this.deliver(topic, payload);
    } catch {
      // not from us
    }
  }

  private deliver(topic: string, payload: JsonObject): void {
    for (const listener of this.listeners.get(topic) ?? []) {
      try {
        listener(payload);
      } catch (cause) {
        this.log.error('A listener failed on a hint', { topic, cause });
      }
    }
  }
}
