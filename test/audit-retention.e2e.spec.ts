import { NestFactory } from '@nestjs/core';
import { Anchors, AuditModule, AuditVerifier, Sealer } from '@app/audit';
import { ConfigModule } from '@app/config';
import { DatabaseModule } from '@app/database';
import { KeyRing, SecretsModule } from '@app/secrets';
import { TelemetryModule } from '@app/telemetry';
import { migrations } from '@migrations';
import { DataSource } from 'typeorm';
import { afterEach, expect, test, vi } from 'vitest';
import { databaseConfig } from './support/database-app.js';
import { newDatabase } from './support/database.js';
import { captureLog } from './support/log-lines.js';

const DAY_MS = 86_400_000;

afterEach(() => {
  vi.useRealTimers();
});

/** One process with an audit trail, without the rest of the server. */
async function startAudit(url: string) {
  const config = databaseConfig({ DATABASE_URL: url, AUDIT_RETENTION_DAYS: '1' });
  class Root {}
  const imports = [
    ConfigModule.forRoot(config),
    TelemetryModule,
    SecretsModule,
    DatabaseModule.forRoot(migrations),
    AuditModule,
  ];
  const app = await NestFactory.createApplicationContext({ module: Root, imports }, { logger: false });
  const [db, sealer, anchors] = [app.get(DataSource), app.get(Sealer), app.get(Anchors)];
  return {
    db,
    anchors,
    /** So many events, sealed. */
    record: (count: number) => {
      for (let i = 0; i < count; i++) sealer.note({ kind: 'denied', action: `test ${i}`, outcome: 'denied' });
      return sealer.seal();
    },
    verify: () => new AuditVerifier(db, app.get(KeyRing)).verify(),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

const later = (days: number) => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + days * DAY_MS });
};

test('what is old is removed up to an anchor, which stays; the trail is whole, and a thief finds no cover in it', async () => {
  using _log = captureLog();
  await using database = await newDatabase();
  await using audit = await startAudit(database.url);
  await audit.record(5);
  await audit.anchors.anchor();
  await audit.record(3);
  later(0.5);
  await audit.anchors.retain();
  expect(await audit.verify()).toMatchObject({ events: 8, findings: [] });

  later(1);
  await audit.anchors.anchor();
  await audit.anchors.retain();
  await audit.record(2);
  await audit.anchors.anchor();
  // Three that the first anchor does not know, two more, and that five were removed.
  expect(await audit.verify()).toMatchObject({ events: 6, anchors: 2, findings: [] });
  expect(
    await audit.db.query(
      `select subject, detail::json ->> 'events' as events from audit_log where action = 'audit.retain'`,
    ),
  ).toEqual([{ subject: '1', events: '5' }]);

  await audit.db.query('delete from audit_log where seq = 6');
  expect((await audit.verify()).findings).toMatchObject([{ what: expect.stringContaining('removed') }]);
});

test('a chain that ended long ago may be gone as a whole', async () => {
  using _log = captureLog();
  await using database = await newDatabase();
  {
    await using ended = await startAudit(database.url);
    await ended.record(4);
    await ended.anchors.anchor();
  }
  later(2);
  await using audit = await startAudit(database.url);
  await audit.anchors.retain();
  await audit.record(1);
  expect(await audit.verify()).toMatchObject({ events: 2, findings: [] });
});

test('the beginning of a chain that no retention removed is missed', async () => {
  using _log = captureLog();
  await using database = await newDatabase();
  await using audit = await startAudit(database.url);
  await audit.record(3);
  await audit.anchors.anchor();
  await audit.record(2);
  await audit.db.query('delete from audit_log where seq <= 3');
  expect((await audit.verify()).findings.map(({ what }) => what)).toEqual([
    'removed: anchor 1 knows of it',
    'removed, and what was before it: no retention says so',
  ]);
});
