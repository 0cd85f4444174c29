import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from './helm.js';

/** Kinds that are no part of Kubernetes itself. */
const PACKAGES: Readonly<Record<string, string>> = {
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};
/** What clusters of today do not have any more, though the models still do. */
const REMOVED =
  /^(extensions\/v1beta1|apps\/v1beta[12]|policy\/v1beta1|autoscaling\/v2beta[12]|batch\/v1beta1|networking\.k8s\.io\/v1beta1|rbac\.authorization\.k8s\.io\/v1beta1)$/;

const nameOf = ({ kind, metadata }: Manifest): string => `${kind}/${metadata.name}`;

function moduleOf(apiVersion: string): string {
  const [group = '', version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const name = PACKAGES[group] ?? 'kubernetes-models';
  return group === '' ? `${name}/${version}` : `${name}/${group}/${version}`;
}

/** What an API server would refuse: wrong types, missing fields, unknown kinds and versions, fields that there are not. */
export async function schemaProblems(manifests: readonly Manifest[]): Promise<string[]> {
  const problems: string[] = [];
  for (const manifest of manifests) {
    if (REMOVED.test(manifest.apiVersion)) problems.push(`${nameOf(manifest)}: ${manifest.apiVersion} was removed`);
    const models = (await import(moduleOf(manifest.apiVersion)).catch(() => ({}))) as Record<
      string,
      (new (value: unknown) => { validate(): void }) | undefined
    >;
    const Model = models[manifest.kind];
    if (Model === undefined) problems.push(`${nameOf(manifest)}: no kind ${manifest.kind} in ${manifest.apiVersion}`);
    else problems.push(...problemsOf(() => new Model(structuredClone(manifest)).validate(), nameOf(manifest)));
  }
  return [...problems, ...unknownFields(manifests)];
}

function problemsOf(validate: () => void, name: string): string[] {
  try {
    validate();
    return [];
  } catch (error) {
    return [`${name}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** The models ignore fields that they do not know; the compiler does not: each object is written as a literal of its type. */
function unknownFields(manifests: readonly Manifest[]): string[] {
  mkdirSync('node_modules/.cache', { recursive: true });
  const directory = mkdtempSync('node_modules/.cache/manifests-');
  try {
    const lines = manifests.flatMap((manifest, i) => [
      `import type { I${manifest.kind} as T${i} } from '${moduleOf(manifest.apiVersion)}';`,
      `export const o${i}: T${i} = ${JSON.stringify(manifest)};`,
    ]);
    const file = join(directory, 'rendered.mts');
    writeFileSync(file, lines.join('\n'));
    const options = [
      '--strict',
      '--noEmit',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--types',
      '',
    ];
    const tsc = spawnSync(process.execPath, ['node_modules/typescript7/bin/tsc', ...options, '--ignoreConfig', file], {
      encoding: 'utf8',
    });
    const complaints = tsc.stdout.split('\n').filter((line) => line.includes('error TS'));
    return complaints.map((line) => {
      const number = Number(/\.mts\((\d+),/.exec(line)?.[1] ?? 0);
      const manifest = manifests[Math.ceil(number / 2) - 1];
      return `${manifest === undefined ? '?' : nameOf(manifest)}: ${line.slice(line.indexOf('error TS'))}`;
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
