import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasPostgresTools } from '../support/postgres-server.js';
import { hasPrometheus } from '../support/prometheus-server.js';
import { Random } from '../support/random.js';
import { hasRedis } from '../support/redis-server.js';
import { hasShell } from '../support/runbook/operator.js';
import { completeRestart } from './incidents/complete-restart.js';
import { database } from './incidents/database.js';
import { disconnections } from './incidents/disconnections.js';
import { errorRate } from './incidents/error-rate.js';
import type { Incident } from './incidents/incident.js';
import { memory } from './incidents/memory.js';
import { rateLimits } from './incidents/rate-limits.js';
import { restore } from './incidents/restore.js';
import { Report } from './support/report.js';
import { Site } from './support/site.js';

/** One after the other; the last replaces the database. */
const ALL = [memory, errorRate, disconnections, database, rateLimits, completeRestart, restore];
/** Of these `npm test` plays one, beside the restore. */
const SHORT = [errorRate, disconnections, database, rateLimits];
const INCIDENT_MS = 150_000;

const canPlay = hasRedis && hasPostgresTools && hasPrometheus && hasShell;
const seed = Number(process.env.DRILL_SEED ?? randomInt(2 ** 32));
/** `npm run drill` names incidents and has three servers; `npm test` makes do with two. */
const named = process.env.DRILL?.split(',');
const chosen =
  named === undefined ? [new Random(seed).pick(SHORT), restore] : ALL.filter(({ name }) => named.includes(name));

let site: Site | undefined;
beforeAll(async () => {
  if (canPlay) site = await Site.start(named === undefined ? 2 : 3);
}, 120_000);
afterAll(() => site?.[Symbol.asyncDispose](), 60_000);

test.skipIf(!canPlay).each(chosen)('$name', { timeout: INCIDENT_MS }, async (incident: Incident) => {
  const started = performance.now();
  const report = new Report(`${incident.name}: runbook, "${incident.chapter}"`);
  expect(
    readFileSync('docs/runbook.md', 'utf8')
      .split('\n')
      .map((line) => line.replace(/^#+ /, '')),
  ).toContain(incident.chapter);
  if (site === undefined) throw new Error('there is no site');
  try {
    await incident.play(site, report);
  } finally {
    const again = named === undefined ? ` Again: DRILL_SEED=${seed} npm test -- test/drill` : '';
    console.info(`\n${report.text}\n  (${((performance.now() - started) / 1_000).toFixed(0)} s)${again}`);
  }
  expect(report.failures).toEqual([]);
});
