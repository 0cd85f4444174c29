import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { Config } from '@app/config';
import { CHART, helm, HELMS, installHelm, type Manifest, manifestsIn, render } from './support/helm.js';
import { policyProblems, specOf, templateOf } from './support/manifest-policy.js';
import { schemaProblems } from './support/manifest-schemas.js';

const CASES = [
  '',
  ...readdirSync(CHART).flatMap((file) => (file.startsWith('values-') ? `${CHART}/${file}` : [])),
  ...readdirSync(`${CHART}/ci`).map((file) => `${CHART}/ci/${file}`),
];
const MONITORING = ['--api-versions', 'monitoring.coreos.com/v1', '--api-versions', 'gateway.networking.k8s.io/v1'];
const optionsOf = (values: string) => (values === '' ? [] : ['--values', values]);

beforeAll(() => {
  installHelm();
}, 120_000);

const find = (manifests: readonly Manifest[], kind: string, name: string): Manifest => {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`No ${kind} ${name} in ${manifests.map((one) => one.kind).join(', ')}`);
  return found;
};
/** Random secrets differ from run to run. */
const withoutSecrets = (manifests: readonly Manifest[]) => manifests.filter(({ kind }) => kind !== 'Secret');

describe.each(CASES)('the chart with %j', (values) => {
  test('passes helm lint --strict, and both Helms write the same', () => {
    for (const version of HELMS)
      expect(helm(version, 'lint', '--strict', CHART, ...optionsOf(values))).toContain('0 chart(s) failed');
    const [three, four] = HELMS.map((version) => withoutSecrets(render(version, ...MONITORING, ...optionsOf(values))));
    expect(four).toEqual(three);
  });

  test('is what an API server takes, and what a restricted namespace runs', async () => {
    const manifests = render('v4', ...MONITORING, ...optionsOf(values));
    expect(await schemaProblems(manifests)).toEqual([]);
    expect(policyProblems(manifests)).toEqual([]);
  }, 60_000);

  test('sets only variables that the server knows', () => {
    const manifests = render('v4', ...MONITORING, ...optionsOf(values));
    const config = find(manifests, 'ConfigMap', 'a2a-mcp-config') as Manifest & { data: Record<string, string> };
    const [container] = templateOf(find(manifests, 'Deployment', 'a2a-mcp-server'))?.spec.containers ?? [];
    const names = [...Object.keys(config.data), ...(container?.env ?? []).map(({ name }) => name)];
    const ofOthers = /^(PG[A-Z]+|NODE_OPTIONS)$/;
    const known = Object.keys(Config.load({}).effective());
    expect(names.filter((name) => !ofOthers.test(name) && !known.includes(name))).toEqual([]);
    expect(() => Config.load(config.data)).not.toThrow();
  });
});

describe('by the runbook', () => {
  let manifests: Manifest[];
  beforeAll(() => {
    manifests = render('v4');
  });

  test('names are the same whatever the release is called', () => {
    const names = (rendered: readonly Manifest[]) => rendered.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    const other = manifestsIn(helm('v4', 'template', 'a2a-mcp', CHART, '--namespace', 'a2a-mcp'));
    expect(names(other)).toEqual(names(manifests));
    for (const [kind, name] of [
      ['Deployment', 'a2a-mcp-server'],
      ['HorizontalPodAutoscaler', 'a2a-mcp-hpa'],
      ['PodDisruptionBudget', 'a2a-mcp-pdb'],
      ['Service', 'a2a-mcp-metrics'],
      ['Service', 'a2a-mcp-websocket'],
      ['StatefulSet', 'postgres'],
      ['Service', 'postgres'],
      ['Service', 'redis'],
    ] as const)
      expect(find(manifests, kind, name)).toBeDefined();
  });

  test('label app=a2a-mcp finds server pods and no others', () => {
    const pods = manifests.filter((one) => templateOf(one)?.metadata?.labels?.['app'] === 'a2a-mcp');
    expect(pods.map(({ metadata }) => metadata.name)).toEqual(['a2a-mcp-server']);
    expect(templateOf(find(manifests, 'StatefulSet', 'postgres'))?.metadata?.labels?.['app']).toBe('postgres');
  });

  test('the container, its ports and the two services are where the runbook looks', () => {
    const [container] = templateOf(find(manifests, 'Deployment', 'a2a-mcp-server'))?.spec.containers ?? [];
    expect(container).toMatchObject({
      name: 'a2a-mcp',
      ports: [
        { name: 'http', containerPort: 3000 },
        { name: 'websocket', containerPort: 8787 },
      ],
    });
    const names = (container?.env ?? []).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['POSTGRES_HOST', 'POSTGRES_USER', 'PGHOST', 'PGUSER', 'PGPASSWORD', 'REDIS_URL']),
    );
    const websocket = specOf(find(manifests, 'Service', 'a2a-mcp-websocket'));
    expect(websocket).toMatchObject({ type: 'LoadBalancer', sessionAffinity: 'ClientIP' });
    expect((websocket['ports'] as { port: number }[]).map(({ port }) => port)).toEqual([8787, 3000]);
  });

  test('the autoscaler owns the replicas, and without it the deployment does', () => {
    expect(specOf(find(manifests, 'HorizontalPodAutoscaler', 'a2a-mcp-hpa'))).toMatchObject({
      minReplicas: 2,
      maxReplicas: 10,
    });
    expect(specOf(find(manifests, 'Deployment', 'a2a-mcp-server'))).not.toHaveProperty('replicas');
    const fixed = render('v4', '--set', 'autoscaling.enabled=false', '--set', 'replicaCount=3');
    expect(specOf(find(fixed, 'Deployment', 'a2a-mcp-server'))).toMatchObject({ replicas: 3 });
    expect(fixed.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')).toEqual([]);
  });

  test('the embedded database means one pod, which is neither scaled nor kept from moving', () => {
    const embedded = render('v4', '--values', `${CHART}/ci/embedded-values.yaml`);
    expect(specOf(find(embedded, 'Deployment', 'a2a-mcp-server'))).toMatchObject({
      replicas: 1,
      strategy: { type: 'Recreate' },
    });
    expect(embedded.map(({ kind }) => kind)).not.toEqual(
      expect.arrayContaining(['HorizontalPodAutoscaler', 'PodDisruptionBudget', 'StatefulSet']),
    );
  });

  test('secrets are random, of the form that the server wants, and kept', () => {
    const keysOf = (rendered: readonly Manifest[]) =>
      (find(rendered, 'Secret', 'a2a-mcp-secrets') as Manifest & { stringData: Record<string, string> }).stringData;
    const [one, other] = [keysOf(manifests), keysOf(render('v4'))];
    expect(one['SECRET_KEYS']).not.toBe(other['SECRET_KEYS']);
    expect(() => Config.load({ DATABASE_URL: 'postgres://db/x', ...one })).not.toThrow();
    expect(one['ADMIN_API_KEY']).toMatch(/^a2a_admin_[A-Za-z0-9]{48}$/);
    expect(find(manifests, 'Secret', 'a2a-mcp-secrets').metadata.annotations).toMatchObject({
      'helm.sh/resource-policy': 'keep',
    });
  });
});

describe('refused is', () => {
  test.each([
    ['an unknown value', ['--set', 'replicas=3'], /replicas/],
    ['an unknown value deeper', ['--set', 'service.websocket.portt=1'], /portt/],
    ['a wrong type', ['--set', 'autoscaling.minReplicas=two'], /minReplicas/],
    ['a mode that there is not', ['--set', 'database.mode=sqlite'], /mode/],
    ['an external database without a host', ['--set', 'database.mode=external'], /database.external.host/],
    ['an external Redis without a secret', ['--set', 'redis.mode=external'], /redis.external.existingSecret/],
    ['a backup of the embedded database', ['--set', 'database.mode=embedded,backup.enabled=true'], /backup/],
    [
      'a grace that is shorter than the drain',
      ['--set', 'terminationGracePeriodSeconds=31'],
      /terminationGracePeriodSeconds/,
    ],
    ['a floating tag', ['--set', 'image.tag=latest'], /tag/],
    ['an ingress without a host', ['--set', 'ingress.enabled=true'], /ingress.host/],
  ])('%s', (_, options, complaint) => {
    for (const version of HELMS) expect(() => render(version, ...options)).toThrow(complaint);
  });
});

/** Mistakes that `helm lint --strict` lets through, planted into what the chart writes. */
describe('our checks catch', () => {
  type Change = (manifests: Manifest[]) => void;
  const server = (manifests: Manifest[]) =>
    templateOf(find(manifests, 'Deployment', 'a2a-mcp-server'))?.spec as never as Record<string, unknown>;
  const container = (manifests: Manifest[]) => (server(manifests)['containers'] as Record<string, unknown>[])[0] ?? {};
  const spec = (manifests: Manifest[], kind: string, name: string) =>
    specOf(find(manifests, kind, name)) as Record<string, unknown>;

  test.each<[string, Change]>([
    ['an unknown field of a pod', (all) => (server(all)['restartPolicyy'] = 'Always')],
    ['an unknown field of a service', (all) => (spec(all, 'Service', 'a2a-mcp-metrics')['externalNamee'] = 'x')],
    ['replicas as text', (all) => (spec(all, 'Deployment', 'a2a-mcp-server')['replicas'] = '3')],
    ['a variable that is a number', (all) => (container(all)['env'] as unknown[]).push({ name: 'X', value: 3000 })],
    ['a missing selector', (all) => delete spec(all, 'Deployment', 'a2a-mcp-server')['selector']],
    ['a wrong enum', (all) => (container(all)['imagePullPolicy'] = 'Sometimes')],
    [
      'a wrong quantity',
      (all) => (container(all)['resources'] = { requests: { cpu: '1 core' }, limits: { memory: '1Gi' } }),
    ],
    [
      'a removed version',
      (all) =>
        Object.assign(find(all, 'HorizontalPodAutoscaler', 'a2a-mcp-hpa'), { apiVersion: 'autoscaling/v2beta2' }),
    ],
    ['a bad name', (all) => Object.assign(find(all, 'Service', 'a2a-mcp-metrics').metadata, { name: 'Bad_Name' })],
    [
      'a volume that is not there',
      (all) => (container(all)['volumeMounts'] as unknown[]).push({ name: 'x', mountPath: '/x' }),
    ],
    ['a budget with both ends', (all) => (spec(all, 'PodDisruptionBudget', 'a2a-mcp-pdb')['minAvailable'] = 1)],
    ['a service for nobody', (all) => (spec(all, 'Service', 'a2a-mcp-metrics')['selector'] = { app: 'other' })],
    ['replicas beside the autoscaler', (all) => (spec(all, 'Deployment', 'a2a-mcp-server')['replicas'] = 2)],
    ['a pod that may be root', (all) => (server(all)['securityContext'] = {})],
    [
      'a port of a probe that is not open',
      (all) => (container(all)['livenessProbe'] = { httpGet: { path: '/', port: 'nope' } }),
    ],
    ['a floating tag', (all) => (container(all)['image'] = 'a2a-mcp:latest')],
  ])('%s', async (_, change) => {
    const manifests = render('v4');
    change(manifests);
    expect([...policyProblems(manifests), ...(await schemaProblems(manifests))]).not.toEqual([]);
  });

  test('a key that stands twice', () => {
    expect(() => manifestsIn('kind: A\nkind: B\n')).toThrow(/unique/);
  });
});
