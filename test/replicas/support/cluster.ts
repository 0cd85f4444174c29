import { startAgents, type TestAgents } from '../../support/agents.js';
import { rows } from '../../support/database.js';
import { captureLog } from '../../support/log-lines.js';
import { startOwnPostgres, temporaryDirectory } from '../../support/own-postgres.js';
import { RedisServer } from '../../support/redis-server.js';
import { ADMIN_KEY } from '../../support/server.js';
import { until } from '../../support/until.js';
import { type Proxy, startProxy } from './proxy.js';
import { Replica } from './replica.js';

const POOL_SIZE = 6;
/** PostgreSQL takes the pools of three replicas, their heartbeats, and the tests. */
const CONNECTIONS = '60';
/** An executor judges others after so long without a gap, architecture.md §3, and a little more. */
const JUDGES_AFTER_MS = 11_000;

/** Streaming and not, A2A 1.0 and 0.3: each is taken over in another way. */
const AGENTS = ['echo', 'legacy-echo', 'researcher', 'researcher-plain', 'legacy-researcher', 'asker', 'flaky'];
const LONG_RUNNERS = ['long-runner', 'long-runner-plain', 'legacy-long-runner'];

/** Three servers on one PostgreSQL and one Redis, behind a load balancer, with agents to call. */
export class Cluster implements AsyncDisposable {
  private constructor(
    readonly replicas: readonly Replica[],
    readonly proxy: Proxy,
    private readonly services: Services,
  ) {}

  /** @param withRedis false: the servers know of none */
  static async start({ withRedis }: { withRedis: boolean }): Promise<Cluster> {
    const services = await startServices(withRedis);
    const { postgres, redis, stops } = services;
    try {
      const env = { DATABASE_URL: postgres.url, DATABASE_POOL_SIZE: String(POOL_SIZE), REDIS_URL: redis?.url };
      const replicas = ['one', 'two', 'three'].map((name) => new Replica(name, env));
      stops.push(async () => void (await Promise.all(replicas.map((replica) => replica.kill()))));
      await Promise.all(replicas.map((replica) => replica.start()));
      const proxy = await startProxy(replicas);
      stops.push(proxy.stop);
      await until('the proxy knows them', () => replicas.every((replica) => proxy.isReady(replica)));
      const cluster = new Cluster(replicas, proxy, services);
      await cluster.register();
      return cluster;
    } catch (error) {
      await stopAll(stops);
      throw error;
    }
  }

  readonly agentNames = [...AGENTS, ...LONG_RUNNERS];

  get agents(): TestAgents {
    return this.services.agents;
  }

  get postgres(): Services['postgres'] {
    return this.services.postgres;
  }

  get redis(): RedisServer {
    if (this.services.redis === undefined) throw new Error('this cluster has no Redis');
    return this.services.redis;
  }

  rows(sql: string): Promise<Record<string, unknown>[]> {
    return rows(this.postgres.url, sql);
  }

  /** The replicas that work on tasks now, the one with most of them first. */
  async owners(): Promise<{ replica: Replica; executor: string }[]> {
    const found = await this.rows(
      `select e.id, e.name from executors e join tasks t on t.executor = e.id where t.rested_at is null
       group by e.id, e.name order by count(*) desc`,
    );
    return found.flatMap(({ id, name }) => {
      const replica = this.replicas.find(({ isRunning, pid }) => isRunning && String(name).endsWith(`/${pid}`));
      return replica === undefined ? [] : [{ replica, executor: String(id) }];
    });
  }

  /** Somebody else could tell that this one is dead. */
  isWatched(replica: Replica): boolean {
    const now = performance.now();
    return this.replicas.some((other) => other !== replica && now - other.steadySince > JUDGES_AFTER_MS);
  }

  /** Waits until others work on what a dead executor had. @returns how long that took */
  async takeover(executor: string): Promise<number> {
    const start = performance.now();
    const owned = await this.rows(`select id from tasks where executor = '${executor}' and rested_at is null`);
    if (owned.length === 0) return 0;
    const ids = owned.map(({ id }) => `'${String(id)}'`).join();
    const left = `select 1 from tasks where id in (${ids}) and rested_at is null and coalesce(executor, '${executor}') = '${executor}'`;
    await until('others take over', async () => (await this.rows(left)).length === 0, 30_000);
    return performance.now() - start;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return stopAll(this.services.stops);
  }

  private async register(): Promise<void> {
    for (const name of this.agentNames) {
      const answer = await fetch(`${this.proxy.url}/api/v1/agents`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify({ url: this.agents.url(name) }),
      });
      if (answer.status !== 201) throw new Error(`${name} was not registered: ${await answer.text()}`);
    }
  }
}

type Stop = () => Promise<void>;

interface Services {
  readonly postgres: Awaited<ReturnType<typeof startOwnPostgres>>;
  readonly redis: RedisServer | undefined;
  readonly agents: TestAgents;
  readonly stops: Stop[];
}

async function startServices(withRedis: boolean): Promise<Services> {
  const log = captureLog();
  const directory = temporaryDirectory();
  const stops: Stop[] = [async () => directory[Symbol.dispose](), async () => log[Symbol.dispose]()];
  try {
    const postgres = await startOwnPostgres(directory.path, { DATABASE_POOL_SIZE: CONNECTIONS });
    stops.push(postgres[Symbol.asyncDispose]);
    const agents = await startAgents();
    stops.push(async () => agents[Symbol.asyncDispose]());
    const redis = withRedis ? await RedisServer.start() : undefined;
    if (redis !== undefined) stops.push(() => redis[Symbol.asyncDispose]());
    return { postgres, redis, agents, stops };
  } catch (error) {
    await stopAll(stops);
    throw error;
  }
}

async function stopAll(stops: readonly Stop[]): Promise<void> {
  for (const stop of stops.toReversed()) await stop();
}
