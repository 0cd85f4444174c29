import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { installPrograms, skippedWithout } from './support/debian.js';
import { startDebianPostgres } from './support/debian-postgres.js';
import { installHelm, render } from './support/helm.js';
import { templateOf } from './support/manifest-policy.js';
import { temporaryDirectory } from './support/own-postgres.js';
import { SECRET_KEYS } from './support/secret-keys.js';
import { startServer } from './support/server.js';

const missing = process.getuid?.() === 0 ? await installPrograms({ pg_dump: 'postgresql' }) : ['root'];
const isSkipped = skippedWithout('The backup', missing);

test.skipIf(isSkipped)(
  'the backup job leaves a dump that restores, keeps as many as it is told, and Prometheus knows of it',
  async () => {
    await using postgres = await startDebianPostgres();
    using volume = temporaryDirectory();
    postgres.psql('postgres', 'create database a2a_mcp');
    const env = { DATABASE_URL: postgres.url('a2a_mcp'), SECRET_KEYS };
    const metric = async (url: string, name: string) =>
      Number(new RegExp(`^${name} (.+)$`, 'm').exec(await (await fetch(`${url}/metrics`)).text())?.[1]);
    {
      await using server = await startServer({ env });
      expect(await metric(server.url, 'a2a_backup_last_success_timestamp_seconds')).toBe(0);
    }
    const script = backupScript(2).replaceAll('/backup', volume.path);
    const backUp = () =>
      execFileSync('bash', ['-euo', 'pipefail', '-c', script], {
        env: { ...postgres.env, PGDATABASE: 'a2a_mcp' },
        stdio: 'pipe',
      });
    const dumps = () => readdirSync(volume.path).toSorted();
    backUp();
    const first = dumps();
    expect(first).toEqual([expect.stringMatching(/^a2a_mcp-\d{8}T\d{6}Z\.sql\.gz$/)]);

    postgres.psql('postgres', 'create database restored');
    execFileSync(
      'bash',
      ['-euo', 'pipefail', '-c', `gunzip < ${volume.path}/${first[0]} | psql -q -v ON_ERROR_STOP=1 -d restored`],
      {
        env: postgres.env,
        stdio: 'pipe',
      },
    );
    const tables = "select string_agg(tablename, ' ' order by tablename) from pg_tables where schemaname = 'public'";
    expect(postgres.psql('restored', tables)).toBe(postgres.psql('a2a_mcp', tables));

    for (let more = 0; more < 2; more += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1_050)); // names are to the second
      backUp();
    }
    expect(dumps()).toHaveLength(2);
    expect(dumps()).not.toContain(first[0]);

    await using server = await startServer({ env });
    expect(Date.now() / 1_000 - (await metric(server.url, 'a2a_backup_last_success_timestamp_seconds'))).toBeLessThan(
      60,
    );
    expect(await metric(server.url, 'a2a_backup_last_size_bytes')).toBeGreaterThan(1_000);
  },
  90_000,
);

test.skipIf(isSkipped)('a dump that breaks off is neither kept nor noted', async () => {
  using volume = temporaryDirectory();
  const script = backupScript(2).replaceAll('/backup', volume.path);
  const env = { PATH: process.env.PATH, PGHOST: '127.0.0.1', PGPORT: '1', PGUSER: 'nobody', PGDATABASE: 'nothing' };
  expect(() => execFileSync('bash', ['-euo', 'pipefail', '-c', script], { env, stdio: 'pipe' })).toThrow(
    /connection to server/,
  );
  expect(readdirSync(volume.path).filter((file) => file.endsWith('.sql.gz'))).toEqual([]);
});

/** What the job of the rendered chart runs. */
function backupScript(keep: number): string {
  installHelm();
  const manifests = render('v4', '--set', `backup.enabled=true,backup.keep=${keep}`);
  const job = manifests.find(({ kind }) => kind === 'CronJob');
  const [container] = (job && templateOf(job)?.spec.containers) ?? [];
  expect(container).toMatchObject({ command: ['bash', '-euo', 'pipefail', '-c'], args: [expect.any(String)] });
  const [script = ''] = (container?.['args'] ?? []) as string[];
  return script;
}
