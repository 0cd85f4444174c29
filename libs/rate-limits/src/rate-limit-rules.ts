import { BlockList, isIPv4 } from 'node:net';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import type { Rate } from '@app/cache';
import { Config } from '@app/config';
import { Revisions } from '@app/database';
import { BlockedClientRow } from './blocked-client.entity.js';
import { RateLimitRow } from './rate-limit.entity.js';

/** Changes with every limit and block that is set or removed, on any replica. */
export const RATE_LIMITS_TOPIC = 'rate_limits';

/** Who is blocked, and until when. */
interface Block {
  readonly reason: string | null;
  readonly expiresAt: Date | null;
}
interface NetworkBlock extends Block {
  readonly networks: BlockList;
}

/** The limits and blocks in memory, so that a message costs no statement. */
@Injectable()
export class RateLimitRules implements OnModuleInit, OnModuleDestroy {
  private limits = new Map<string, RateLimitRow>();
  private principals = new Map<string, Block>();
  private networks: readonly NetworkBlock[] = [];
  private stopWatching = (): void => undefined;

  constructor(
    @InjectRepository(RateLimitRow) private readonly rows: Repository<RateLimitRow>,
    @InjectRepository(BlockedClientRow) private readonly blocked: Repository<BlockedClientRow>,
    private readonly revisions: Revisions,
    private readonly config: Config,
  ) {}

  async onModuleInit(): Promise<void> {
    this.stopWatching = this.revisions.watch(RATE_LIMITS_TOPIC, () => this.load());
    await this.load();
  }

  onModuleDestroy(): void {
    this.stopWatching();
  }

  ofPrincipal(principal: string): Rate {
    return this.rate(principal) ?? this.config.rateLimits.principal;
  }

  ofCall(principal: string, agent: string): Rate {
    return this.rate(principal, agent) ?? this.config.rateLimits.call;
  }

  ofAgent(agent: string): Rate {
    return this.rate('', agent) ?? this.config.rateLimits.agent;
  }

  ofAddress(): Rate {
    return this.config.rateLimits.address;
  }

  concurrentTasks(principal: string): number {
    return this.current(principal)?.concurrentTasks ?? this.config.quotas.concurrentTasks;
  }

  requestBytes(principal: string): number {
    return this.current(principal)?.requestBytes ?? this.config.quotas.requestBytes;
  }

  blockOfPrincipal(principal: string): Block | undefined {
    const block = this.principals.get(principal);
    return block !== undefined && isCurrent(block) ? block : undefined;
  }

  blockOfAddress(address: string): Block | undefined {
    if (this.networks.length === 0 || address === '') return undefined;
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    return this.networks.find((block) => isCurrent(block) && block.networks.check(address, family));
  }

  private rate(principal: string, agent = ''): Rate | undefined {
    const row = this.current(principal, agent);
    if (row === undefined || row.perMinute === null || row.burst === null) return undefined;
    return { perMinute: row.perMinute, burst: row.burst };
  }

  private current(principal: string, agent = ''): RateLimitRow | undefined {
    const row = this.limits.get(keyOf(principal, agent));
    return row !== undefined && isCurrent(row) ? row : undefined;
  }

  private async load(): Promise<void> {
    const [limits, blocked] = [await this.rows.find(), await this.blocked.find()];
    this.limits = new Map(limits.map((row) => [keyOf(row.principal ?? '', row.agent ?? ''), row]));
    this.principals = new Map(blocked.flatMap((row) => (row.principal === null ? [] : [[row.principal, row]])));
    this.networks = blocked.flatMap(({ network, reason, expiresAt }) =>
      network === null ? [] : [{ reason, expiresAt, networks: listOf(network) }],
    );
  }
}

const keyOf = (principal: string, agent: string): string => `${agent} ${principal}`;

const isCurrent = ({ expiresAt }: { expiresAt: Date | null }): boolean =>
  expiresAt === null || expiresAt.getTime() > Date.now();

function listOf(network: string): BlockList {
  const [address = '', prefix = ''] = network.split('/');
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), isIPv4(address) ? 'ipv4' : 'ipv6');
  return list;
}
