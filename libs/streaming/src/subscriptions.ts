import { z } from 'zod';
import { DomainError, type JsonObject } from '@app/core';
import { parseInput } from '@app/control';
import type { Connection } from './connection.js';
import { Follower } from './follower.js';
import { LIMITS } from './limits.js';
import { type Answer, callOf } from './rpc-session.js';
import type { StreamServices } from './stream-services.js';

const Subscribe = z.strictObject({ requestId: z.uuid(), from: z.number().int().min(0).default(0) });
const Unsubscribe = z.strictObject({ requestId: z.uuid() });

/** The requests that one connection follows beside its other messages. */
export class Subscriptions {
  private readonly followers = new Map<string, Follower>();

  constructor(
    private readonly services: StreamServices,
    private readonly connection: Connection,
  ) {}

  async subscribe(params: JsonObject): Promise<Answer> {
    const { requestId, from } = parseInput(Subscribe, params);
    const { caller } = await callOf(this.connection);
    const write = (frame: object) => this.connection.send({ jsonrpc: '2.0', method: 'event', params: frame });
    const follower = new Follower(this.services, this.connection, { caller, requestId, from }, write);
    const start = await follower.start();
    if (this.followers.has(requestId)) throw new DomainError('conflict', `${requestId} is subscribed to already`);
    if (this.followers.size >= LIMITS.subscriptions)
      throw new DomainError('rate_limited', `At most ${LIMITS.subscriptions} subscriptions of one connection`);
    this.followers.set(requestId, follower);
    const begin = async () => {
      write(start);
      await follower.run();
      this.followers.delete(requestId);
    };
    return { result: { requestId, status: start.status }, afterwards: () => void begin() };
  }

  unsubscribe(params: JsonObject): Answer {
    const { requestId } = parseInput(Unsubscribe, params);
    const follower = this.followers.get(requestId);
    follower?.cancel();
    return { result: { unsubscribed: follower !== undefined } };
  }
}
