import { type Bucket, Buckets, Cache, CacheHealth, CacheModule, Hints, HotCopies } from '@app/cache';
import { Config, ConfigModule } from '@app/config';
import { TelemetryModule } from '@app/telemetry';
import { NestFactory } from '@nestjs/core';
import { expect, vi } from 'vitest';

/** One replica, as far as the cache goes. */
export async function startReplica(redisUrl?: string) {
  const config = Config.load({ REDIS_URL: redisUrl });
  const app = await NestFactory.createApplicationContext(
    { module: class {}, imports: [ConfigModule.forRoot(config), TelemetryModule, CacheModule] },
    { logger: false },
  );
  return {
    cache: app.get(Cache),
    buckets: app.get(Buckets),
    /** Takes one; tells how often more it may be. */
    take: async (key: string, rate: Omit<Bucket, 'key'> = { perMinute: 1, burst: 100 }) => {
      const { levels, isShared } = await app.get(Buckets).take([{ key, ...rate }]);
      return { ...(levels[0] ?? { remaining: -1, resetMs: -1, retryMs: -1 }), isShared };
    },
    hints: app.get(Hints),
    copies: app.get(HotCopies),
    health: app.get(CacheHealth),
    close: () => app.close(),
    [Symbol.asyncDispose]: () => app.close(),
  };
}
export type Replica = Awaited<ReturnType<typeof startReplica>>;

export async function untilUp({ health }: Replica): Promise<void> {
  const isUp = async () => expect((await health.check()).state).toBe('up');
  await vi.waitFor(isUp, { timeout: 8_000, interval: 50 });
}

/** Everything a request may ask of the cache; none of it may fail. */
export async function useEverything({ cache, take, hints }: Replica): Promise<void> {
  await cache.get('used');
  expect(await cache.wrap('used', 60_000, () => Promise.resolve('computed'))).toBe('computed');
  await cache.set('used', 1, 60_000);
  await cache.delete('used');
  expect((await take('used')).remaining).toBeGreaterThan(0);
  hints.publish('used', {});
}
