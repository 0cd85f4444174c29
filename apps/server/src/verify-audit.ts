import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuditVerifier, type Verification } from '@app/audit';
import { type Config, ConfigModule } from '@app/config';
import { DatabaseModule } from '@app/database';
import { KeyRing, SecretsModule } from '@app/secrets';
import { Log, TelemetryModule } from '@app/telemetry';
import { migrations } from '@migrations';
import { DataSource } from 'typeorm';
import { loadConfig } from './load-config.js';

const USAGE = 'Usage: main.js audit verify [--anchor <number>:<mac>], the anchor as the log told it';

/** `main.js audit verify`: 0 when the trail is whole, 1 when something was altered, inserted or removed, 2 when it could not be read. */
export async function verifyAudit(args: string[]): Promise<number> {
  const known = anchorIn(args);
  if (args[0] !== 'verify' || known === 'unreadable') {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const config = loadConfig();
  if (config === undefined) return 2;
  try {
    const app = await NestFactory.createApplicationContext(moduleWith(config), { logger: false });
    try {
      const verification = await new AuditVerifier(app.get(DataSource), app.get(KeyRing)).verify(known);
      process.stdout.write(reportOf(verification));
      return verification.findings.length === 0 ? 0 : 1;
    } finally {
      await app.close();
    }
  } catch (error) {
    new Log('Audit').error('The audit trail could not be read', { cause: error });
    return 2;
  }
}

function moduleWith(config: Config): Type {
  @Module({
    imports: [ConfigModule.forRoot(config), TelemetryModule, SecretsModule, DatabaseModule.forRoot(migrations)],
  })
  class VerifyModule {}
  return VerifyModule;
}

function anchorIn([, option, value]: string[]): { seq: number; mac: string } | undefined | 'unreadable' {
  if (option === undefined) return undefined;
  const [, seq, mac] = /^(\d{1,9}):([\w-]{43})$/.exec(value ?? '') ?? [];
  return option === '--anchor' && seq !== undefined && mac !== undefined ? { seq: Number(seq), mac } : 'unreadable';
}

function reportOf({ findings, events, anchors, last, unanchored, pending }: Verification): string {
  const lines = [
    ...findings.map(({ where, what }) => `${where}: ${what}`),
    `${events} events and ${anchors} anchors checked: ${findings.length === 0 ? 'nothing was altered, inserted or removed' : `${findings.length} findings`}.`,
    last === undefined
      ? 'There is no anchor yet.'
      : `Last anchor: ${last.seq}:${last.mac}, made at ${last.at.toISOString()}. Compare it with the newest "Audit anchor" in the log: if that is later, the end of the trail was removed.`,
    `Cannot be known: whether more than the ${unanchored} events after the last anchor were there and were removed; what happened to ${pending} events that are not sealed yet.`,
  ];
  return `${lines.join('\n')}\n`;
}
