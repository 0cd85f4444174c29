import { isIPv6 } from 'node:net';
import { Injectable } from '@nestjs/common';
import { type Bucket, Buckets, type Rate, type Taken } from '@app/cache';
import { Config } from '@app/config';
import { type Caller, DomainError, RateLimited } from '@app/core';
import { type LimitName, Log, Metrics } from '@app/telemetry';
import { RateLimitHits } from './rate-limit-hits.js';
import { RateLimitRules } from './rate-limit-rules.js';

/** How a principal stands after a message was let in: for the headers of the answer. */
export interface Standing {
  readonly burst: number;
  readonly remaining: number;
  readonly resetSeconds: number;
}

/** Wrong secrets for the id of one key, from wherever. */
const KEY_RATE: Rate = { perMinute: 6, burst: 10 };

interface Limit {
  readonly name: LimitName;
  readonly bucket: Bucket;
  /** In the refusal: `… for <what>`. */
  readonly what: string;
}

interface Subject {
  readonly client: string;
  readonly agent?: string;
  readonly address?: string;
}

/** Says how often somebody may come: asked for every request and message, at every door. */
@Injectable()
export class RateLimiter {
  private readonly log = new Log('RateLimits');
  private isAlone = false;

  constructor(
    private readonly buckets: Buckets,
    private readonly rules: RateLimitRules,
    private readonly hits: RateLimitHits,
    private readonly metrics: Metrics,
    private readonly config: Config,
  ) {}

  /** @throws DomainError forbidden, when the address is blocked */
  demandOpen(address: string): void {
    const block = this.rules.blockOfAddress(address);
    if (block !== undefined) throw blocked(`The address ${address}`, block.reason);
  }

  /** @throws DomainError forbidden, when the principal is blocked */
  demandUnblocked(principal: string): void {
    const block = this.rules.blockOfPrincipal(principal);
    if (block !== undefined) throw blocked(principal, block.reason);
  }

  /**
   * One request or message of a principal.
   * @param bytes of the message
   * @throws DomainError forbidden (blocked), too_large (quota); RateLimited
   */
  admit({ id, address }: Caller, bytes: number, messages = 1): Standing | Promise<Standing> {
    this.demandUnblocked(id);
    const most = this.rules.requestBytes(id);
    if (bytes > most) throw new DomainError('too_large', `Your requests may have ${most} bytes; this one has ${bytes}`);
    const rate = this.rules.ofPrincipal(id);
    const limits: Limit[] = [
      { name: 'principal', bucket: { key: `principal:${id}`, ...rate }, what: 'requests of yours' },
    ];
    return this.take(limits, { client: id, address }, messages);
  }

  /** One call to an agent. @throws RateLimited */
  async admitCall({ id, address }: Caller, agent: string): Promise<void> {
    const limits: Limit[] = [
      {
        name: 'call',
        bucket: { key: `call:${agent}:${id}`, ...this.rules.ofCall(id, agent) },
        what: `calls of yours to ${agent}`,
      },
      { name: 'agent', bucket: { key: `agent:${agent}`, ...this.rules.ofAgent(agent) }, what: `calls to ${agent}` },
    ];
    await this.take(limits, { client: id, agent, address });
  }

  /** One request that needs no credentials, or whose credentials were wrong. @throws RateLimited */
  admitStranger(address: string): Standing | Promise<Standing> {
    return this.take([this.addressLimit(address)], { client: address, address });
  }

  /** May credentials that nobody knows yet be looked up for this address? @throws RateLimited */
  async demandPatience(address: string): Promise<void> {
    const limit = this.addressLimit(address);
    const { levels } = await this.buckets.take([limit.bucket], 0);
    if ((levels[0]?.remaining ?? 1) < 1) await this.take([limit], { client: address, address });
  }

  /** Somebody showed a wrong secret for the id of a key. @throws RateLimited when that happens often */
  async wrongKey(keyId: string, address: string): Promise<void> {
    const bucket = { key: `key:${keyId}`, ...KEY_RATE };
    await this.take([{ name: 'key', bucket, what: 'wrong secrets for this key' }], { client: `key:${keyId}`, address });
  }

  /** How many tasks a principal may have at a time. */
  concurrentTasks({ id }: Caller): number {
    return this.rules.concurrentTasks(id);
  }

  /** For a limit that somebody else counts. */
  tooManyTasks({ id, address }: Caller, most: number): RateLimited {
    this.hits.note({ limit: 'tasks', client: id, address, retryAfterSeconds: 1 });
    const state = { limit: 'tasks', burst: most, retryAfterSeconds: 1, resetSeconds: 1 };
    return new RateLimited(`You have ${most} tasks that are not over yet, and may have no more`, state);
  }

  private take(limits: readonly Limit[], subject: Subject, cost = 1): Standing | Promise<Standing> {
    const taken = this.buckets.take(
      limits.map(({ bucket }) => bucket),
      cost,
    );
    return taken instanceof Promise
      ? taken.then((levels) => this.judged(levels, limits, subject))
      : this.judged(taken, limits, subject);
  }

  private judged({ levels, isShared }: Taken, limits: readonly Limit[], subject: Subject): Standing {
    this.countedAlone(!isShared);
    const met = levels.findIndex(({ retryMs }) => retryMs > 0);
    if (met >= 0) throw this.refusal(limits[met], levels[met], subject);
    const { remaining = 0, resetMs = 0 } = levels[0] ?? {};
    return { burst: limits[0]?.bucket.burst ?? 0, remaining, resetSeconds: Math.ceil(resetMs / 1_000) };
  }

  private refusal(
    limit: Limit | undefined,
    level: { retryMs: number; resetMs: number } | undefined,
    subject: Subject,
  ): RateLimited {
    if (limit === undefined || level === undefined) throw new Error('A refusal without a limit');
    const retryAfterSeconds = Math.max(1, Math.ceil(level.retryMs / 1_000));
    this.hits.note({ limit: limit.name, ...subject, retryAfterSeconds });
    const { perMinute, burst } = limit.bucket;
    return new RateLimited(
      `Too many ${limit.what}: ${burst} at once and ${perMinute} a minute; try again in ${retryAfterSeconds} s`,
      { limit: limit.name, burst, retryAfterSeconds, resetSeconds: Math.ceil(level.resetMs / 1_000) },
    );
  }

  /** With Redis configured, alone means that the limit holds on each replica only: replicas × limit in all. */
  private countedAlone(isAlone: boolean): void {
    if (this.config.redisUrl === undefined) return;
    if (isAlone) this.metrics.rateLimitsAlone.inc();
    if (isAlone === this.isAlone) return;
    this.isAlone = isAlone;
    if (isAlone) this.log.warn('Redis is away: each replica counts its rate limits alone');
    else this.log.info('Rate limits are counted over all replicas again');
  }

  private addressLimit(address: string): Limit {
    return {
      name: 'address',
      bucket: { key: `address:${networkOf(address)}`, ...this.rules.ofAddress() },
      what: 'requests without valid credentials from your address',
    };
  }
}

/** Whoever has one IPv6 address has the 2^64 of its network. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const all = [...groups, ...Array.from({ length: missing }, () => '0'), ...(tail?.split(':') ?? [])];
  return all.slice(0, 4).join(':');
}

const blocked = (who: string, reason: string | null): DomainError =>
  new DomainError('forbidden', `${who} is blocked${reason === null ? '' : `: ${reason}`}`);
