import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { launch } from '../../support/server.js';
import type { Report } from '../support/report.js';
import type { Site, Task } from '../support/site.js';
import { heardBy, sentAll } from './complete-restart.js';
import type { Incident } from './incident.js';

/** The first ends while there is no database; the others go on through all of it. */
const RUNNING = ['for 4 s', 'for 20 s', 'for 24 s', 'for 28 s'];
const LATE_MS = 90_000;
/** Written by the servers about themselves and their work; all else is there because somebody put it there. */
const OWN_WORK = /^(?:executors|revisions|audit_|task|sessions|relayed_messages|migrations)/;

type Counts = Record<string, number>;

/** The database is lost, and the last backup is restored into an empty one, as the runbook says. */
export const restore: Incident = {
  name: 'restore',
  chapter: 'Restore database',
  play: async (site, report) => {
    const user = await site.json<{ id: string; key: string; principal: string }>(201, 'POST', '/api/v1/api-keys', {
      name: 'before the backup',
    });
    const grant = { principal: user.principal, actions: ['agents:call'], resources: [{ agent: 'echo' }] };
    const { id: grantId } = await site.json<{ id: string }>(201, 'POST', '/api/v1/permissions/grants', grant);
    const heardBefore = await heardBy(site);
    const tasks = await Promise.all(RUNNING.map((how) => site.startTask('long-runner', how)));
    await sentAll(site, heardBefore + RUNNING.length);
    const dumped = await dump(site);
    report.saw('before', sights(dumped));

    await Promise.all(site.replicas.map((replica) => replica.stop()));
    await typeRestore(site);
    const restored = await counts(site.services.postgres.url);
    report.saw('during', sights(restored));
    report.expect(`as many rows as in the dump, ${difference(dumped, restored)}`, difference(dumped, restored) === '');

    const started = performance.now();
    await Promise.all(site.replicas.map((replica) => replica.start()));
    await site.allReady();
    const seconds = (performance.now() - started) / 1_000;
    const served = await counts(site.services.postgres.url);
    const seeded = difference(kept(dumped), kept(served));
    report.expect(`nothing is seeded at start, ${seeded}`, seeded === '');
    await expectAccess(site, report, user, grantId);
    const states = await site.ended(tasks, LATE_MS);
    const { code, last } = await verifyAudit(site);
    const sent = (await heardBy(site)) - heardBefore;
    report.saw('after', {
      ...sights(served),
      'seconds until ready': seconds,
      'tasks that ran': states.join(', '),
      'messages to their agent': sent,
      'audit verify': last,
    });
    report.expect(
      'tasks that ran are completed',
      states.every((state) => state === 'completed'),
    );
    report.expect('their agent was asked once for each', sent === RUNNING.length);
    await expectResults(site, report, tasks);
    report.expect('the audit trail is whole', code === 0);
  },
};

/** The backup of the runbook, under load, of a moment at which the rows are counted, too. */
async function dump({ operator, services }: Site): Promise<Counts> {
  const [backup = '', compress = ''] = blockOf('Backup database');
  const client = new pg.Client(services.postgres.url);
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    const { rows } = await client.query<{ id: string }>('select pg_export_snapshot() as id');
    await operator.mustType(backup.replace('pg_dump', `pg_dump --snapshot=${rows[0]?.id}`));
    await operator.mustType(compress);
    return await countsBy(client);
  } finally {
    await client.end();
  }
}

/** The servers are down: what scales them down and up is left out. The name of the backup is an example. */
async function typeRestore({ operator }: Site): Promise<void> {
  const made = (await operator.mustType('ls backup-*.sql.gz')).trim();
  const lines = blockOf('Restore database').filter((line) => !line.startsWith('kubectl scale '));
  const [, wanted = ''] = /gunzip (\S+)/.exec(lines.join('\n')) ?? [];
  if (made !== wanted) copyFileSync(join(operator.directory, made), join(operator.directory, wanted));
  for (const line of lines) {
    const { code, stderr } = await operator.type(line);
    if (code !== 0 || stderr.includes('ERROR')) throw new Error(`${line} ended with ${code}: ${stderr}`);
  }
}

/** The commands below a heading of the runbook. */
function blockOf(heading: string): string[] {
  const page = readFileSync('docs/runbook.md', 'utf8');
  const [, block = ''] = /```bash\n(.*?)```/s.exec(page.slice(page.indexOf(`#### ${heading}\n`))) ?? [];
  return block.trim().split('\n');
}

async function counts(url: string): Promise<Counts> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await countsBy(client);
  } finally {
    await client.end();
  }
}

async function countsBy(client: pg.Client): Promise<Counts> {
  const tables = await client.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public' order by 1",
  );
  const found: Counts = {};
  for (const { name } of tables.rows) {
    const { rows } = await client.query<{ n: number }>(`select count(*)::int as n from ${name}`);
    found[name] = rows[0]?.n ?? 0;
  }
  return found;
}

const kept = (all: Counts): Counts => Object.fromEntries(Object.entries(all).filter(([name]) => !OWN_WORK.test(name)));

const difference = (one: Counts, other: Counts): string =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])]
    .filter((name) => one[name] !== other[name])
    .map((name) => `${name}: ${one[name]} and ${other[name]}`)
    .join(', ');

const sights = ({ agents = 0, api_keys = 0, grants = 0, tasks = 0, task_events = 0, audit_log = 0 }: Counts) => ({
  agents,
  'API keys': api_keys,
  grants,
  tasks,
  'events of tasks': task_events,
  'audit events': audit_log,
});

async function expectAccess(site: Site, report: Report, user: { key: string }, grantId: string): Promise<void> {
  const path = '/api/v1/permissions/me';
  const { grants } = await site.json<{ grants: { id: string }[] }>(200, 'GET', path, undefined, user.key);
  report.expect('keys and grants hold', grants.length === 1 && grants[0]?.id === grantId);
  const other = await site.ask('POST', '/api/v1/tasks', { agent: 'flaky', message: 'hello' }, user.key);
  report.expect('and nothing more than they say', other.status === 404);
}

/** What their agent said reached the restored rows. */
async function expectResults(site: Site, report: Report, tasks: readonly Task[]): Promise<void> {
  for (const [i, { taskId }] of tasks.entries()) {
    const { artifacts } = await site.json<{ artifacts: unknown }>(200, 'GET', `/api/v1/tasks/${taskId}`);
    const says = `Worked ${RUNNING[i]}`;
    report.expect(`"${says}" is the result`, JSON.stringify(artifacts).includes(says));
  }
}

async function verifyAudit({ services }: Site): Promise<{ code: number | null; last: string }> {
  const program = launch({ DATABASE_URL: services.postgres.url }, ['audit', 'verify']);
  const [output, { code }] = await Promise.all([text(program.child.stdout), program.exited]);
  return { code, last: output.split('\n').find((line) => line.includes('checked')) ?? output };
}
