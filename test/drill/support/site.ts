import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { Replica } from '../../replicas/support/replica.js';
import { type Proxy, startProxy } from '../../replicas/support/proxy.js';
import { startAgents, type TestAgents } from '../../support/agents.js';
import { freePort } from '../../support/ports.js';
import { PostgresServer } from '../../support/postgres-server.js';
import { PrometheusServer } from '../../support/prometheus-server.js';
import { RedisServer } from '../../support/redis-server.js';
import { Operator } from '../../support/runbook/operator.js';
import { ADMIN_KEY } from '../../support/server.js';
import { until } from '../../support/until.js';
import { Load } from './load.js';
import { startStreamBalancer, type StreamBalancer } from './stream-balancer.js';

const NAMES = ['one', 'two', 'three'];
const RETRY_WITHIN_MS = 20_000;

export interface Task {
  readonly taskId: string;
  readonly state: string;
}

interface Port {
  readonly http: number;
  readonly stream: number;
}

/** Servers on one PostgreSQL and one Redis behind load balancers, watched by Prometheus, with somebody at the runbook. */
export class Site implements AsyncDisposable {
  private constructor(
    readonly replicas: readonly Replica[],
    readonly services: Services,
    readonly operator: Operator,
    readonly load: Load,
  ) {}

  /** @param count of servers, up to three */
  static async start(count: number): Promise<Site> {
    const stops: AsyncDisposable[] = [];
    try {
      const services = await startServices(count, stops);
      const replicas = services.ports.map((port, i) => new Replica(NAMES[i] ?? '', environment(services, port)));
      stops.push({ [Symbol.asyncDispose]: async () => void (await Promise.all(replicas.map((each) => each.kill()))) });
      await Promise.all(replicas.map((replica) => replica.start()));
      const proxy = await startProxy(replicas);
      stops.push({ [Symbol.asyncDispose]: proxy.stop });
      services.proxy = proxy;
      await until('the load balancer knows all', () => replicas.every((each) => proxy.isReady(each)), RETRY_WITHIN_MS);
      await register(proxy, services.agents);
      const load = new Load(proxy.url);
      stops.push(load);
      const operator = operatorOf(services, replicas);
      stops.push({ [Symbol.asyncDispose]: async () => operator[Symbol.dispose]() });
      return new Site(replicas, services, operator, load);
    } catch (error) {
      await endAll(stops);
      throw error;
    }
  }

  get first(): Replica {
    const [first] = this.replicas;
    if (first === undefined) throw new Error('a site has servers');
    return first;
  }

  /** A REST request of the admin through the load balancer, again while no server can answer. */
  async json<T>(status: number, method: string, path: string, body?: unknown, key = ADMIN_KEY): Promise<T> {
    const answer = await until(
      `${method} ${path} is answered`,
      async () => {
        const tried = await this.ask(method, path, body, key).catch(() => undefined);
        return tried?.status === 503 ? undefined : tried;
      },
      RETRY_WITHIN_MS,
    );
    const text = await answer.text();
    if (answer.status !== status) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** One REST request, whatever comes. @param base another address than the load balancer's */
  ask(
    method: string,
    path: string,
    body?: unknown,
    key = ADMIN_KEY,
    base = this.services.proxy?.url,
  ): Promise<Response> {
    return fetch(`${base}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(RETRY_WITHIN_MS),
    });
  }

  startTask(agent: string, message: string): Promise<Task> {
    return this.json<Task>(202, 'POST', '/api/v1/tasks', { agent, message });
  }

  /** Waits until all of them are over. @returns how they ended */
  async ended(tasks: readonly Task[], withinMs: number): Promise<string[]> {
    const deadline = performance.now() + withinMs;
    const states: string[] = [];
    for (const { taskId } of tasks) {
      const over = async () => {
        const { state } = await this.json<Task>(200, 'GET', `/api/v1/tasks/${taskId}`);
        return ['completed', 'failed', 'canceled', 'rejected'].includes(state) ? state : undefined;
      };
      states.push(
        await until(`${taskId} ends`, over, Math.max(1_000, deadline - performance.now())).catch(() => 'late'),
      );
    }
    return states;
  }

  /** How many answer this path with 200 now. */
  async count(path: '/readyz' | '/healthz'): Promise<number> {
    const answers = this.replicas.map(async ({ url }) => {
      const answer = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
      await answer?.arrayBuffer();
      return answer?.status === 200 ? 1 : 0;
    });
    return (await Promise.all(answers)).reduce<number>((sum, one) => sum + one, 0);
  }

  /** And the load balancer knows it. */
  allReady(withinMs = 60_000): Promise<boolean> {
    const { proxy } = this.services;
    const isSeen = () => this.replicas.every((replica) => proxy?.isReady(replica));
    const isReady = async () => (await this.count('/readyz')) === this.replicas.length && isSeen();
    return until('all are ready', isReady, withinMs);
  }

  /** Waits until each server answers so; what changed at one is known to the others a little later. */
  async everywhere(
    what: string,
    ask: (url: string) => Promise<Response>,
    fits: (answer: Response) => boolean,
  ): Promise<void> {
    for (const { name, url } of this.replicas) {
      const isSo = async () => {
        const answer = await ask(String(url));
        await answer.arrayBuffer();
        return fits(answer);
      };
      await until(`${what} at ${name}`, isSo, RETRY_WITHIN_MS);
    }
  }

  /** What Prometheus says; nothing is 0. */
  async number(expression: string): Promise<number> {
    return (await this.services.prometheus.query(expression))[0]?.value ?? 0;
  }

  /** The number that an alert compares with its threshold. */
  alert(name: string): Promise<number> {
    const { groups } = parse(readFileSync('helm/a2a-mcp/files/rules.yaml', 'utf8')) as {
      groups: { rules: { alert: string; expr: string }[] }[];
    };
    const rule = groups.flatMap(({ rules }) => rules).find(({ alert }) => alert === name);
    if (rule === undefined) throw new Error(`There is no alert ${name}`);
    return this.number(rule.expr.replace(/[<>]=?\s*[\d.]+\s*$/, ''));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endAll(this.services.stops);
  }
}

interface Services {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  readonly agents: TestAgents;
  readonly prometheus: PrometheusServer;
  readonly streams: StreamBalancer;
  readonly ports: readonly Port[];
  readonly stops: AsyncDisposable[];
  proxy?: Proxy;
}

async function startServices(count: number, stops: AsyncDisposable[]): Promise<Services> {
  const keep = async <T extends AsyncDisposable>(starting: Promise<T>): Promise<T> => {
    const each = await starting;
    stops.push(each);
    return each;
  };
  const ports: Port[] = [];
  for (let i = 0; i < count; i++) ports.push({ http: await freePort(), stream: await freePort() });
  const [postgres, redis, agents] = await Promise.all([
    keep(PostgresServer.start()),
    keep(RedisServer.start()),
    keep(startAgents()),
  ]);
  const prometheus = await keep(PrometheusServer.start(ports.map(({ http }) => http)));
  const streams = await startStreamBalancer(ports.map(({ stream }) => stream));
  stops.push({ [Symbol.asyncDispose]: streams.stop });
  return { postgres, redis, agents, prometheus, streams, ports, stops };
}

const environment = ({ postgres, redis, streams }: Services, { http, stream }: Port): Record<string, string> => ({
  DATABASE_URL: postgres.url,
  DATABASE_POOL_SIZE: '6',
  DATABASE_CONNECT_TIMEOUT_MS: '10000', // three start at once, perhaps on a busy machine
  REDIS_URL: redis.url,
  PORT: String(http),
  STREAM_PORT: String(stream),
  PUBLIC_STREAM_URL: streams.url,
});

function operatorOf({ postgres, prometheus, redis, ports }: Services, replicas: readonly Replica[]): Operator {
  return new Operator({
    env: { ...postgres.env, KEY: ADMIN_KEY },
    ports: { http: ports[0]?.http ?? 0, prometheus: prometheus.port, redis: redis.port },
    log: () => replicas.flatMap(({ logs }) => logs.map((line) => JSON.stringify(line))).join('\n'),
  });
}

async function register(proxy: Proxy, agents: TestAgents): Promise<void> {
  for (const slug of ['echo', 'long-runner', 'flaky']) {
    const answer = await fetch(`${proxy.url}/api/v1/agents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ url: agents.url(slug), slug }),
    });
    if (answer.status !== 201) throw new Error(`${slug} was not registered: ${await answer.text()}`);
  }
}

async function endAll(stops: AsyncDisposable[]): Promise<void> {
  for (const each of stops.splice(0).toReversed()) await each[Symbol.asyncDispose]();
}
