import { setImmediate } from 'node:timers';
import { Log } from '@app/telemetry';

/** The longest anybody waits for an answer. Whoever waits in vain makes Redis count as away, so nobody else waits. */
const ANSWER_WITHIN_MS = 250;
const PROBE_AFTER_MS = 1_000;
/** How long the start of the process waits for the first connection; then it goes on without Redis. */
const START_WAIT_MS = 1_500;
const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT_AT_MOST_MS = 1_000;
/** Nothing heard for so long, pings included, and the socket is replaced: a black hole never closes one by itself. */
const SOCKET_TIMEOUT_MS = 5_000;
const PING_EVERY_MS = 2_000;

export type RedisClient = Awaited<ReturnType<typeof clientOf>>;
type OnReturn = (client: RedisClient) => Promise<void>;
type OnChange = (isUp: boolean) => void;

/**
 * The connection to Redis and the breaker before it. Redis is `away` from the first command that fails or is late until
 * a write comes through again; meanwhile `run` fails at once and nothing is queued. `off` means none is configured.
 */
export class RedisLink {
  /**
   * Changes with every start of the Redis server. A restarted server may come back with an older copy of its data, even
   * without deletes it had confirmed; what is cached carries this id, so that such a copy is never read.
   */
  serverRun = '';
  private state: 'off' | 'starting' | 'up' | 'away' | 'closed';
  private cause: unknown;
  private probing = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly returnHooks: OnReturn[] = [];
  private readonly watchers: OnChange[] = [];
  private readonly log = new Log('Redis');

  /** @param client undefined: no Redis is configured */
  private constructor(readonly client: RedisClient | undefined) {
    this.state = client === undefined ? 'off' : 'starting';
  }

  /** Comes back with a link that is up, or after a bounded wait with one that keeps trying. */
  static async open(url: string | undefined): Promise<RedisLink> {
    const link = new RedisLink(url === undefined ? undefined : await clientOf(url));
    if (link.client === undefined) {
      link.log.warn('No Redis is configured (REDIS_URL): each replica caches and counts in its own memory');
      return link;
    }
    await link.connect(link.client);
    return link;
  }

  get isUp(): boolean {
    return this.state === 'up';
  }

  /** Why Redis is away. */
  get reason(): string {
    return this.cause instanceof Error ? this.cause.message : 'not connected yet';
  }

  /** @throws whatever went wrong, within `ANSWER_WITHIN_MS`; at once while Redis is away. */
  async run<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    if (this.client === undefined || this.state !== 'up') throw new Error(`Redis is ${this.state}`);
    try {
      return await answered(work(this.client));
    } catch (error) {
      this.leave(error);
      throw error;
    }
  }

  /** The hook runs each time Redis is reachable again, before anything else is read or written. */
  onReturn(hook: OnReturn): void {
    this.returnHooks.push(hook);
  }

  /** Called now, and with every change; never when no Redis is configured. */
  onChange(watcher: OnChange): void {
    if (this.client === undefined) return;
    this.watchers.push(watcher);
    watcher(this.isUp);
  }

  close(): void {
    this.state = this.client === undefined ? 'off' : 'closed';
    clearTimeout(this.timer);
    this.client?.destroy();
  }

  private async connect(client: RedisClient): Promise<void> {
    client.on('error', (error: unknown) => this.leave(error));
    await new Promise<void>((resolve) => {
      const patience = setTimeout(() => {
        this.leave(this.cause ?? new Error(`no connection within ${START_WAIT_MS} ms`));
        resolve();
      }, START_WAIT_MS);
      client.on('ready', () => {
        void this.probe(client).finally(() => {
          clearTimeout(patience);
          resolve();
        });
      });
      // The client retries by itself; its promise only ends badly when we close it.
      client.connect().catch(() => undefined);
    });
  }

  private leave(cause: unknown): void {
    this.cause = cause;
    if (this.state !== 'up' && this.state !== 'starting') return;
    this.state = 'away';
    for (const watcher of this.watchers) watcher(false);
    this.log.error('Redis unreachable; going on without it', { cause });
    this.probeLater();
  }

  private probeLater(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void (this.client && this.probe(this.client)), PROBE_AFTER_MS).unref();
  }

  /**
   * Asks for what we need, a write: a server that is loading, full or read-only answers pings. One probe at a time and
   * however long it takes: further writes would reset the idle timer of a socket on which nothing comes back.
   */
  private async probe(client: RedisClient): Promise<void> {
    // Without a connection there is nothing to ask; `ready` asks again.
    if (this.probing || this.isUp || !client.isReady) return;
    this.probing = true;
    try {
      const askedAt = performance.now();
      const [info] = await Promise.all([
        client.info('server').catch(() => ''), // may be forbidden to our user
        client.set('a2a:probe', '', { expiration: { type: 'PX', value: PROBE_AFTER_MS } }),
      ]);
      if (performance.now() - askedAt > ANSWER_WITHIN_MS) throw new Error('Redis answers too slowly');
      this.serverRun = /^run_id:(\w{1,8})/m.exec(info)?.[1] ?? '';
      for (const hook of this.returnHooks) await hook(client);
      this.arrive();
    } catch (error) {
      this.cause = error;
      this.probeLater();
    } finally {
      this.probing = false;
    }
  }

  private arrive(): void {
    if (this.state === 'closed') return;
    this.log.info(this.state === 'away' ? 'Redis is back' : 'Redis is connected');
    this.state = 'up';
    for (const watcher of this.watchers) watcher(true);
  }
}

async function clientOf(url: string) {
  const { createClient } = await import('@redis/client'); // 100 ms and 18 MB: only when Redis is configured
  return createClient({
    url,
    name: 'a2a-mcp',
    // Queued commands would hang until Redis is back; a rejected one is a miss.
    disableOfflineQueue: true,
    pingInterval: PING_EVERY_MS,
    maintNotifications: 'disabled',
    // `answered` bounds the wait; the client's own time-out costs an AbortSignal per command and ends with the sending.
    commandOptions: { timeout: 0 },
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, RECONNECT_AT_MOST_MS) * (0.75 + Math.random() / 4),
    },
  });
}

function answered<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`Redis did not answer within ${ANSWER_WITHIN_MS} ms`));
    // One more turn of the loop: when it was we who were busy, the answer already lies in the socket.
    const timer = setTimeout(() => setImmediate(late), ANSWER_WITHIN_MS);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
